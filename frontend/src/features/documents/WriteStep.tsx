import { Link } from '@tanstack/react-router';
import { useDeferredValue, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { kindLabel, kindOf } from '@/api/kinds';
import { plural } from '@/ui/format';
import { Card, Facts } from '@/ui/parts';
import { YamlEditor, type EditorHandle } from './editor/YamlEditor';
import { contextAt } from './yaml/context';
import { explain } from './yaml/schema';
import type { Finding } from './yaml/text';

/** The field of the whole line, wherever in it the cursor is. */
function lineAt(text: string, cursor: number) {
  const found = text.indexOf('\n', cursor);
  const end = found < 0 ? text.length : found;
  return contextAt(`${text.slice(0, end)} ${text.slice(end)}`, end + 1);
}

function FieldCard({ text, cursor }: { text: string; cursor: number }) {
  const place = useMemo(() => lineAt(text, cursor), [text, cursor]);
  const found = useMemo(() => explain(place), [place]);
  const kind = kindOf(place.head.apiVersion, place.head.kind);
  if (!found) {
    return (
      <Card title={kind ? kindLabel(kind) : 'Documents'}>
        <p className="b two">
          {kind?.summary ?? 'Start with apiVersion and kind.'} Put the cursor on a field to read what it is for.
        </p>
      </Card>
    );
  }
  const values = found.values.length ? found.values.join(', ') : null;
  return (
    <Card title="Field at the cursor">
      <div className="b col">
        <code className="wordy">{found.path}</code>
        {found.says && <p className="two">{found.says.replace(/`/g, '')}</p>}
        <Facts
          items={[
            ...(found.shape && !values ? [['Takes', found.shape] as [string, string]] : []),
            ...(values ? [['One of', <code key="values">{values}</code>] as [string, ReactNode]] : []),
            ['Left out', found.required ? 'not possible, it is required' : (found.fallback ?? 'nothing is set')],
          ]}
        />
      </div>
    </Card>
  );
}

function Findings({ findings, onGo }: { findings: Finding[]; onGo: (finding: Finding) => void }) {
  if (findings.length === 0) return null;
  return (
    <div className="findings" role="alert">
      <b className="b6">Not saved: {plural(findings.length, 'thing is', 'things are')} wrong. Nothing was changed.</b>
      <ul>
        {findings.map((finding, index) => (
          <li key={index}>
            <button type="button" onClick={() => onGo(finding)}>
              Line {finding.line}: {finding.field && <code>{finding.field}</code>} {finding.detail}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What somebody is just typing is not wrong yet. */
const REST = 700;

function useAtRest(text: string): boolean {
  const [rested, setRested] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setRested(text), REST);
    return () => clearTimeout(timer);
  }, [text]);
  return rested === text;
}

interface Props {
  label: string;
  text: string;
  findings: Finding[];
  /** The findings are worth a list of their own: somebody asked for the review. */
  asked: boolean;
  busy: boolean;
  notes: ReactNode;
  form: ReactNode;
  cancel: ReactNode;
  onChange: (text: string) => void;
  onReview: () => void;
}

/** The text, what is wrong with it, and what the field at the cursor is for. */
export function WriteStep(props: Props) {
  const { label, text, asked, busy, notes, form, cancel, onChange, onReview } = props;
  const editor = useRef<EditorHandle>(null);
  const [cursor, setCursor] = useState(0);
  const calmly = useDeferredValue(text);
  const atRest = useAtRest(text);
  const findings = useMemo(() => props.findings.filter(({ field }) => atRest || field), [props.findings, atRest]);
  function review() {
    const [first] = props.findings;
    if (first) editor.current?.goTo(first.from);
    onReview();
  }
  return (
    <>
      <div className="write">
        <div className="text">
          {notes}
          <YamlEditor
            ref={editor}
            label={label}
            value={text}
            findings={findings}
            onChange={onChange}
            onCursor={setCursor}
          />
          {asked && <Findings findings={findings} onGo={(finding) => editor.current?.goTo(finding.from)} />}
          <div className="hint">
            <span>
              <kbd>Ctrl Space</kbd> offers fields and values
            </span>
            <span>
              <kbd>Ctrl ]</kbd> indents
            </span>
            <span>
              <kbd>Ctrl F</kbd> finds
            </span>
            <span>
              <kbd>Tab</kbd> leaves the editor
            </span>
          </div>
        </div>
        {/* The side scrolls on its own, so it must be reachable by keyboard. */}
        {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
        <div className="side" role="region" aria-label="Help with this document" tabIndex={0}>
          <div className="stack">
            {form}
            <FieldCard text={calmly} cursor={Math.min(cursor, calmly.length)} />
          </div>
        </div>
      </div>
      <div className="foot">
        <span className="two sm" role="status">
          {busy
            ? 'Working out what this would change'
            : findings.length && !asked
              ? `Line ${findings[0]?.line}: ${findings[0]?.detail}`
              : 'Nothing is written before you have seen what changes.'}
        </span>
        <span className="sp" />
        {cancel ?? (
          <Link className="btn" to="/documents">
            Cancel
          </Link>
        )}
        <button type="button" className="btn p lg" disabled={busy} onClick={review}>
          Review…
        </button>
      </div>
    </>
  );
}

import { Link } from '@tanstack/react-router';
import {
  useCallback,
  useDeferredValue,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type ReactNode,
} from 'react';
import { plural } from '@/ui/format';
import { YamlEditor, type EditorHandle } from './editor/YamlEditor';
import { FieldCard } from './FieldCard';
import { useForm } from './form/useForm';
import { spotOf } from './yaml/pointer';
import type { Finding, ReadText } from './yaml/text';

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
  read: ReadText;
  findings: Finding[];
  /** The findings are worth a list of their own: somebody asked for the review. */
  asked: boolean;
  busy: boolean;
  /** A document that is not there yet. */
  isNew: boolean;
  notes: ReactNode;
  cancel: ReactNode;
  onChange: (text: string) => void;
  onReview: () => void;
}

/** The editor, and the place in it that the form is at. */
function useEditor(read: ReadText) {
  const editor = useRef<EditorHandle>(null);
  const form = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState(0);
  const [at, setAt] = useState<{ pointer: string; document: number } | null>(null);
  const [view, setView] = useState<'form' | 'yaml'>('form');
  // What is written into a field may move its line, or make it.
  useLayoutEffect(() => {
    const document = at && read.documents[at.document];
    if (document && !read.findings.length && form.current?.contains(window.document.activeElement)) {
      editor.current?.show(spotOf(document, at.pointer).from);
    }
  }, [read, at]);
  const reveal = useCallback((pointer: string, document: number) => setAt({ pointer, document }), []);
  const goTo = useCallback((offset: number) => {
    setView('yaml');
    // Where there is room for one of the two, the editor has to be there before it can scroll.
    requestAnimationFrame(() => editor.current?.goTo(offset));
  }, []);
  return { editor, form, cursor, setCursor, reveal, goTo, view, setView };
}

function Hints() {
  return (
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
  );
}

const VIEWS = { form: 'Form', yaml: 'YAML' } as const;

function ViewSwitch({ view, onView }: { view: 'form' | 'yaml'; onView: (view: 'form' | 'yaml') => void }) {
  return (
    <div className="viewswitch">
      <div className="seg" role="group" aria-label="Show">
        {(['form', 'yaml'] as const).map((each) => (
          <button key={each} type="button" aria-pressed={view === each} onClick={() => onView(each)}>
            {VIEWS[each]}
          </button>
        ))}
      </div>
    </div>
  );
}

interface FootProps {
  busy: boolean;
  /** Said here as long as there is no list of all that is wrong. */
  first: Finding | undefined;
  cancel: ReactNode;
  onReview: () => void;
}

function Foot({ busy, first, cancel, onReview }: FootProps) {
  return (
    <div className="foot">
      <span className="two sm" role="status">
        {busy
          ? 'Working out what this would change'
          : first
            ? `Line ${first.line}: ${first.detail}`
            : 'Nothing is written before you have seen what changes.'}
      </span>
      <span className="sp" />
      {cancel ?? (
        <Link className="btn" to="/documents">
          Cancel
        </Link>
      )}
      <button type="button" className="btn p lg" disabled={busy} onClick={onReview}>
        Review…
      </button>
    </div>
  );
}

/** Scrolls on its own, so it must be reachable by keyboard. */
function Help({ look, children }: { look: 'under' | 'side'; children: ReactNode }) {
  return (
    // It scrolls on its own, so it must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className={look} role="region" aria-label="Help with this document" tabIndex={0}>
      {children}
    </div>
  );
}

/** The text and its form, what is wrong in them, and what the field at the cursor is for. */
export function WriteStep(props: Props) {
  const { label, text, read, asked, busy, isNew, notes, cancel, onChange, onReview } = props;
  const { editor, form, cursor, setCursor, reveal, goTo, view, setView } = useEditor(read);
  const calmly = useDeferredValue(text);
  const atRest = useAtRest(text);
  const fields = useForm({
    text,
    read,
    cursor,
    isNew,
    findings: props.findings,
    onChange,
    onReveal: reveal,
    onGo: goTo,
  });
  const findings = useMemo(() => {
    const hints = atRest ? fields.hints : [];
    return [...props.findings.filter(({ field }) => atRest || field), ...hints];
  }, [props.findings, fields.hints, atRest]);
  const help = <FieldCard text={calmly} cursor={Math.min(cursor, calmly.length)} />;
  function review() {
    const [first] = props.findings;
    if (first) goTo(first.from);
    onReview();
  }
  return (
    <>
      {fields.table && <ViewSwitch view={view} onView={setView} />}
      {notes}
      <div className={fields.table ? `write both show-${view}` : 'write'}>
        {fields.table && (
          // The form scrolls on its own; its fields are reached by keyboard.
          <div className="formside" ref={form}>
            {fields.render(findings)}
          </div>
        )}
        <div className="text">
          <YamlEditor
            ref={editor}
            label={label}
            value={text}
            findings={findings}
            onChange={onChange}
            onCursor={setCursor}
          />
          {asked && <Findings findings={props.findings} onGo={(finding) => goTo(finding.from)} />}
          {fields.table && <Help look="under">{help}</Help>}
          <Hints />
        </div>
        {!fields.table && <Help look="side">{help}</Help>}
      </div>
      <Foot busy={busy} first={asked ? undefined : findings[0]} cancel={cancel} onReview={review} />
    </>
  );
}

import { useMemo, useRef, useLayoutEffect } from 'react';
import type { Kind } from '@/api/kinds';
import { Card } from '@/ui/parts';
import { Note } from '@/ui/state';
import { fieldsAt, valuesAt } from '../yaml/schema';
import { pathWords } from '../yaml/merge';
import { spotOf } from '../yaml/pointer';
import type { Finding, ReadText } from '../yaml/text';
import { edited, type Op, type Order, type Path } from './edit';
import { Items } from './Items';
import { metadataSection } from './kinds/metadata';
import { useSubsets } from './subsets';
import { pointerOf, valueAt, words, type FormTable } from './table';
import { Tools, type FormTools } from './tools';
import { fallbackOf, fields, isRequired, mostOf, uncovered } from './walk';

interface Props {
  kind: Kind;
  table: FormTable;
  /** A text that can be read, and the document in it. */
  text: string;
  read: ReadText;
  index: number;
  findings: Finding[];
  /** Name and namespace can be chosen. */
  isNew: boolean;
  /** The text as it is now cannot be read; this is as it was before. */
  stale: Finding | undefined;
  onText: (text: string) => void;
  onReveal: (pointer: string, document: number) => void;
  onGo: (offset: number) => void;
}

const generic = (path: Path) => path.map((part) => (typeof part === 'number' ? '[]' : part));

/** Fields in the order of the schema, so that what is added stands where a person would write it. */
function orderOf(kind: Kind): Order {
  const head = { apiVersion: kind.apiVersion, kind: kind.kind };
  const known = new Map<string, string[]>();
  return (path) => {
    const key = pointerOf(path);
    const found = known.get(key) ?? fieldsAt({ ...NOWHERE, head, path: generic(path) }).map(({ name }) => name);
    known.set(key, found);
    return found;
  };
}

const NOWHERE = { key: null, from: 0, typed: '', siblings: new Set<string>(), column: 0 };

function valuesIn(kind: Kind, path: Path): string[] {
  const head = { apiVersion: kind.apiVersion, kind: kind.kind };
  return valuesAt({ ...NOWHERE, head, path: generic(path.slice(0, -1)), key: String(path.at(-1)) });
}

function useFormTools(props: Props, value: unknown): FormTools {
  const { kind, index, findings, onText, onReveal } = props;
  const latest = useRef(props.text);
  useLayoutEffect(() => {
    latest.current = props.text;
  });
  const namespace = words(value, 'metadata.namespace') || 'default';
  const subsets = useSubsets(namespace, kind.key === 'VirtualService');
  const order = useMemo(() => orderOf(kind), [kind]);
  return useMemo(
    () => ({
      namespace,
      subsets,
      // Two edits may come before the first is drawn: the second goes on from what the first wrote.
      edit(ops: Op[]) {
        const next = edited(latest.current, index, ops, order);
        if (next === latest.current) return;
        latest.current = next;
        onText(next);
      },
      reveal: (path) => onReveal(pointerOf(path), index),
      wrong: findings.flatMap(({ pointer, document, detail }) =>
        pointer !== undefined && document === index ? [{ pointer, detail }] : [],
      ),
      // Fields of something that is not there are not missing.
      isRequired: (path) => isRequired(kind.schema, path) && valueAt(value, path.slice(0, -1)) !== undefined,
      most: (path) => mostOf(kind.schema, path),
      fallback: (path) => fallbackOf(kind.schema, path),
      values: (path) => valuesIn(kind, path),
    }),
    [namespace, subsets, index, order, onText, onReveal, findings, kind, value],
  );
}

/** What is set and has no field here: said in one line, each part a way to its own line. */
function AlsoSet({ paths, go }: { paths: Path[]; go: (path: Path) => void }) {
  if (paths.length === 0) return null;
  const most = 8;
  return (
    <p className="alsoset sm two">
      Also set in the YAML:{' '}
      {paths.slice(0, most).map((path, index) => (
        <span key={pointerOf(path)}>
          {index > 0 && ', '}
          <button type="button" className="linkish" onClick={() => go(path)}>
            {pathWords(path)}
          </button>
        </span>
      ))}
      {paths.length > most && ` and ${paths.length - most} more`}
    </p>
  );
}

/** What is wrong and has no field here. */
function Elsewhere({ tools, shown, go }: { tools: FormTools; shown: string[]; go: (path: Path) => void }) {
  const rest = tools.wrong.filter(
    ({ pointer }) =>
      !shown.some((each) => pointer === each || pointer.startsWith(`${each}/`)) && !/\/\d+$/.test(pointer),
  );
  if (rest.length === 0) return null;
  return (
    <Note tone="bad">
      {rest.map(({ pointer, detail }, index) => {
        const path = pointer.split('/').slice(1);
        return (
          <div key={index}>
            <button type="button" className="linkish" onClick={() => go(path)}>
              {pathWords(path) || 'The document'}
            </button>{' '}
            {detail}
          </div>
        );
      })}
    </Note>
  );
}

/** A document as fields. It holds nothing itself: it shows what the text says, and writes into the text. */
export function DocumentForm(props: Props) {
  const { kind, table, read, index, isNew, stale, onGo } = props;
  const value = read.values[index];
  const tools = useFormTools(props, value);
  const sections = isNew ? [metadataSection(kind), ...table.sections] : table.sections;
  const own = table.sections.flatMap((section) => section.items);
  const spec = valueAt(value, ['spec']);
  const go = (path: Path) => {
    const document = read.documents[index];
    if (document) onGo(spotOf(document, pointerOf(path)).from);
  };
  const shown = [...fields(own, spec, ['spec'])].map(({ path }) => pointerOf(path));
  return (
    <Tools value={tools}>
      <div
        className="stack"
        role="form"
        aria-label={`Form of ${words(value, 'kind')} ${words(value, 'metadata.name')}`}
      >
        {stale && (
          <Note tone="warn">
            <b className="b6">The YAML cannot be read at line {stale.line}.</b> {stale.detail} The form goes on as soon
            as it can; nothing is lost.
          </Note>
        )}
        <fieldset className="formset" disabled={stale !== undefined}>
          <Elsewhere tools={tools} shown={[...shown, '/metadata/name', '/metadata/namespace']} go={go} />
          {sections.map((section) => (
            <Card key={section.section} title={section.section} meta={section.help}>
              <div className="b fgrid">
                <Items
                  items={section.items}
                  at={[section.of ?? 'spec']}
                  scope={valueAt(value, [section.of ?? 'spec'])}
                />
              </div>
            </Card>
          ))}
          <AlsoSet paths={uncovered(value, own, ['spec'], table.fixed)} go={go} />
        </fieldset>
      </div>
    </Tools>
  );
}

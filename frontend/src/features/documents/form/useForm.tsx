import { useMemo, useState } from 'react';
import { kindOf } from '@/api/kinds';
import { nameOf } from '../check';
import { locate } from '../yaml/pointer';
import type { Finding, ReadText } from '../yaml/text';
import { DocumentForm } from './DocumentForm';
import { formOf } from './kinds';
import { valueAt } from './table';
import { objections } from './walk';

interface Wanted {
  text: string;
  read: ReadText;
  cursor: number;
  isNew: boolean;
  findings: Finding[];
  onChange: (text: string) => void;
  onReveal: (pointer: string, document: number) => void;
  onGo: (offset: number) => void;
}

/** While a text is half written the form keeps showing what it said last. */
function useLastRead(text: string, read: ReadText) {
  const [last, setLast] = useState({ text, read });
  const good = read.findings.length === 0;
  if (good && last.read !== read) setLast({ text, read });
  return good ? { text, read } : last;
}

/** The document that the cursor is in; the first one where it is in none. */
function documentAt(read: ReadText, cursor: number): number {
  const found = read.documents.findLastIndex(({ range }) => range && range[0] <= cursor);
  return Math.max(found, 0);
}

/** A text of several documents: which one the fields are of, and the way to the others. */
function Documents({ read, index, onGo }: { read: ReadText; index: number; onGo: (index: number) => void }) {
  return (
    <div className="row wrap doclist" role="group" aria-label="Documents in this text">
      {read.documents.map((_, at) => (
        <button key={at} type="button" className="fc" aria-pressed={at === index} onClick={() => onGo(at)}>
          {nameOf(read.values[at])}
        </button>
      ))}
    </div>
  );
}

const NONE: Finding[] = [];

/** The form for the document at the cursor, if its kind has one, and what it can tell to be wrong by itself. */
export function useForm({ text, read, cursor, isNew, findings, onChange, onReveal, onGo }: Wanted) {
  const last = useLastRead(text, read);
  const index = documentAt(last.read, cursor);
  const value = last.read.values[index];
  const kind = kindOf(value?.apiVersion, value?.kind);
  const table = formOf(kind);
  const stale = read.findings[0];
  const hints = useMemo(() => {
    if (!kind || !table || stale) return NONE;
    const items = table.sections.flatMap((section) => section.items);
    const found = objections(items, valueAt(value, ['spec']), ['spec'], kind.schema, index);
    const told = new Set(findings.map(({ pointer }) => pointer));
    return locate(
      read,
      found.filter(({ pointer }) => !told.has(pointer)),
    );
  }, [kind, table, stale, value, index, read, findings]);
  const others = last.read.documents.length > 1 && (
    <Documents read={last.read} index={index} onGo={(at) => onReveal('', at)} />
  );
  return {
    table,
    hints,
    render: (wrong: Finding[]) =>
      kind &&
      table && (
        <>
          {others}
          <DocumentForm
            key={`${kind.key} ${index}`}
            kind={kind}
            table={table}
            text={text}
            read={last.read}
            index={index}
            findings={wrong}
            isNew={isNew || index > 0}
            stale={stale}
            onText={onChange}
            onReveal={onReveal}
            onGo={onGo}
          />
        </>
      ),
  };
}

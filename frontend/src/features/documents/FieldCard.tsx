import { useMemo, type ReactNode } from 'react';
import { kindLabel, kindOf } from '@/api/kinds';
import { Card, Facts } from '@/ui/parts';
import { contextAt } from './yaml/context';
import { explain } from './yaml/schema';

/** The field of the whole line, wherever in it the cursor is. */
function lineAt(text: string, cursor: number) {
  const found = text.indexOf('\n', cursor);
  const end = found < 0 ? text.length : found;
  return contextAt(`${text.slice(0, end)} ${text.slice(end)}`, end + 1);
}

/** What the field at the cursor is for. */
export function FieldCard({ text, cursor }: { text: string; cursor: number }) {
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

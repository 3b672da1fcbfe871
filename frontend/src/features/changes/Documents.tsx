import { Diff } from '@/ui/diff';
import { plural } from '@/ui/format';
import { countChanged, lineDiff } from '@/ui/lineDiff';
import { documentName } from './words';

export interface ChangedDocument {
  kind: string;
  namespace?: string | null;
  name: string;
  action: string;
  before: string | null;
  after: string | null;
}

export function changedLines(documents: ChangedDocument[]): number {
  return documents.reduce((sum, { before, after }) => sum + countChanged(lineDiff(before, after)), 0);
}

export function summary(documents: ChangedDocument[]): string {
  return `${plural(documents.length, 'document')}, ${plural(changedLines(documents), 'line')}`;
}

const WORDS: Record<string, string> = {
  created: 'new',
  updated: 'changed',
  deleted: 'deleted',
  unchanged: 'unchanged',
};

/** Every document of a change, as a difference of its YAML. */
export function Documents({ documents }: { documents: ChangedDocument[] }) {
  const changed = documents.filter((document) => document.action !== 'unchanged');
  if (changed.length === 0) return <p className="two">Every document is already as written. Nothing would change.</p>;
  return (
    <div className="col" style={{ gap: 12 }}>
      {changed.map((document) => {
        const name = documentName(document);
        return (
          <div key={name} className="col" style={{ gap: 6 }}>
            <span className="sm two">
              <b className="b5">{name}</b> {WORDS[document.action] ?? document.action}
            </span>
            <Diff before={document.before} after={document.after} label={`Difference of ${name}`} />
          </div>
        );
      })}
    </div>
  );
}

import { useMemo, useState } from 'react';
import { fold, lineDiff, type Line } from './lineDiff';

const SIGNS = { same: ' ', add: '+', del: '−' } as const;
const WORDS = { same: '', add: 'added: ', del: 'removed: ' } as const;

/** Keys in the accent, so that the eye finds the structure. */
export function YamlLine({ text }: { text: string }) {
  const match = /^(\s*(?:- )*)([\w./-]+)(:(?:\s.*)?)$/.exec(text);
  if (!match) return <>{text}</>;
  return (
    <>
      {match[1]}
      <span className="y-k">{match[2]}</span>
      {match[3]}
    </>
  );
}

function LineRow({ line }: { line: Line }) {
  return (
    <span className={`ln ${line.kind === 'same' ? '' : line.kind}`}>
      <i>{line.number}</i>
      <em aria-hidden>{SIGNS[line.kind]}</em>
      <span className="sr">{WORDS[line.kind]}</span>
      <YamlLine text={line.text} />
    </span>
  );
}

function Folded({ lines }: { lines: Line[] }) {
  const [open, setOpen] = useState(false);
  if (open) return lines.map((line) => <LineRow key={`${line.kind}${line.number}`} line={line} />);
  const first = lines[0]?.number;
  const last = lines.at(-1)?.number;
  return (
    <button type="button" className="fold" onClick={() => setOpen(true)}>
      lines {first} to {last} unchanged
    </button>
  );
}

/** What changes in one document: both signs and grounds, unchanged lines folded. */
export function Diff({ before, after, label }: { before: string | null; after: string | null; label: string }) {
  const blocks = useMemo(() => fold(lineDiff(before, after)), [before, after]);
  return (
    <div className="code" role="group" aria-label={label}>
      {blocks.map((block, index) =>
        block.folded ? (
          <Folded key={index} lines={block.lines} />
        ) : (
          block.lines.map((line) => <LineRow key={`${line.kind}${line.number}`} line={line} />)
        ),
      )}
    </div>
  );
}

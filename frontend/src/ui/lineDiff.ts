export interface Line {
  kind: 'same' | 'add' | 'del';
  /** Line number in the text it belongs to: the new one, for deleted lines the old one. */
  number: number;
  text: string;
}

function linesOf(text: string | null): string[] {
  if (!text) return [];
  return text.replace(/\n$/, '').split('\n');
}

/** Length of the longest common subsequence of every pair of tails. */
function tails(a: string[], b: string[]): Uint32Array[] {
  const table = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const row = table[i] as Uint32Array;
      const below = table[i + 1] as Uint32Array;
      row[j] = a[i] === b[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return table;
}

/** Line by line, deletions before additions. Documents have tens of lines, so the plain table is quick enough. */
export function lineDiff(before: string | null, after: string | null): Line[] {
  const a = linesOf(before);
  const b = linesOf(after);
  const table = tails(a, b);
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: 'same', number: j + 1, text: b[j] ?? '' });
      i++;
      j++;
    } else if (i < a.length && (j >= b.length || (table[i + 1]?.[j] ?? 0) >= (table[i]?.[j + 1] ?? 0))) {
      lines.push({ kind: 'del', number: i + 1, text: a[i] ?? '' });
      i++;
    } else {
      lines.push({ kind: 'add', number: j + 1, text: b[j] ?? '' });
      j++;
    }
  }
  return lines;
}

export type Block = { folded: false; lines: Line[] } | { folded: true; lines: Line[] };

/** Folds unchanged runs away, but keeps some lines round every change so that it can be placed. */
export function fold(lines: Line[], context = 3): Block[] {
  const near = new Set<number>();
  lines.forEach((line, index) => {
    if (line.kind === 'same') return;
    for (let at = index - context; at <= index + context; at++) near.add(at);
  });
  const blocks: Block[] = [];
  lines.forEach((line, index) => {
    const folded = !near.has(index);
    const last = blocks.at(-1);
    if (last && last.folded === folded) last.lines.push(line);
    else blocks.push({ folded, lines: [line] });
  });
  // A fold that hides two lines or fewer takes as much room as it saves.
  return blocks.map((block) => (block.folded && block.lines.length <= 2 ? { ...block, folded: false } : block));
}

export function countChanged(lines: Line[]): number {
  const added = lines.filter((line) => line.kind === 'add').length;
  const deleted = lines.filter((line) => line.kind === 'del').length;
  return Math.max(added, deleted);
}

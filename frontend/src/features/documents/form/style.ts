import { WRITE } from '../yaml/text';

const OPENS = /^( *)(?:- +)*[^\s#-][^#]*:\s*(?:#.*)?$/;

/** How far a text indents, and whether its lists stand under their key or are indented like everything else. */
export function styleOf(text: string): { indent: number; indentSeq: boolean; lineWidth: number } {
  const lines = text.split('\n').filter((line) => !/^\s*(#.*)?$/.test(line));
  let indent = 0;
  let indentSeq: boolean | null = null;
  lines.forEach((line, at) => {
    const opens = OPENS.exec(line);
    const next = lines[at + 1];
    if (!opens || next === undefined) return;
    const inList = /^ *((?:- +)*)/.exec(line);
    const column = (opens[1]?.length ?? 0) + (inList?.[1]?.length ?? 0);
    const deeper = next.length - next.trimStart().length - column;
    if (next.trimStart().startsWith('- ')) indentSeq ??= deeper > 0;
    else if (deeper > 0 && !indent) indent = deeper;
  });
  return { ...WRITE, indent: indent || 2, indentSeq: indentSeq ?? WRITE.indentSeq };
}

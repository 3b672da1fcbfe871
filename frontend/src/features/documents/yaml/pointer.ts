import { isAlias, isMap, isPair, isScalar, isSeq, type Document, type Node, type Pair } from 'yaml';
import type { Violation } from '@/api/types';
import { fieldPath } from '@/ui/problem';
import type { Finding, ReadText } from './text';

interface Spot {
  from: number;
  to: number;
  /** All parts of the pointer were found. */
  whole: boolean;
}

export function partsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~'));
}

function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

function rangeOf(node: unknown): [number, number] | null {
  const range = (node as Node | null | undefined)?.range;
  return range ? [range[0], range[1]] : null;
}

function resolve(node: unknown, document: Document): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

/**
 * Where a JSON pointer leads in a document's text. What is not there is shown at the nearest field above it: that is where
 * it has to be written.
 */
export function spotOf(document: Document, pointer: string, want: 'value' | 'name' = 'value'): Spot {
  let node: unknown = document.contents;
  const start = rangeOf(node)?.[0] ?? 0;
  let at: [number, number] = [start, start];
  for (const part of partsOf(pointer)) {
    node = resolve(node, document);
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && keyOf(item) === part);
      if (!pair) return { from: at[0], to: at[1], whole: false };
      at = rangeOf(pair.key) ?? at;
      node = pair.value;
    } else if (isSeq(node) && /^\d+$/.test(part) && Number(part) < node.items.length) {
      node = node.items[Number(part)];
      const [from] = rangeOf(node) ?? at;
      at = [from, from];
    } else {
      return { from: at[0], to: at[1], whole: false };
    }
  }
  const own = want === 'value' && isScalar(node) && node.value !== null ? rangeOf(node) : null;
  return { from: own?.[0] ?? at[0], to: own?.[1] ?? at[1], whole: true };
}

/** The line of a field, from 1; null where the field is not in the text. */
export function lineOf({ documents, lines }: ReadText, pointer: string, index = 0): number | null {
  const document = documents[index];
  if (!document) return null;
  const spot = spotOf(document, pointer);
  return spot.whole ? lines.linePos(spot.from).line : null;
}

/** What the server refused, at the lines it is about. */
export function locate(text: ReadText, violations: Violation[]): Finding[] {
  return violations.map(({ document, pointer, code, detail }) => {
    const found = text.documents[document];
    const spot = found ? spotOf(found, pointer, code === 'unknown_field' ? 'name' : 'value') : { from: 0, to: 0 };
    const { line } = text.lines.linePos(spot.from);
    return { line: Math.max(1, line), ...spot, field: fieldPath(pointer), detail, pointer, document };
  });
}

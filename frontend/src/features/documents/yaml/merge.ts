import { isCollection, type Document } from 'yaml';
import type { AuthoredDocument } from '@/api/types';
import { fieldPath } from '@/ui/problem';
import { readText, WRITE } from './text';

type Path = (string | number)[];

interface Change {
  path: Path;
  /** undefined: taken away. */
  to: unknown;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What changed, as far down as it can be told. Lists that got longer or shorter changed as a whole. */
export function changes(from: unknown, to: unknown, path: Path = []): Change[] {
  if (same(from, to)) return [];
  if (isFields(from) && isFields(to)) {
    return [...new Set([...Object.keys(from), ...Object.keys(to)])].flatMap((key) =>
      changes(from[key], to[key], [...path, key]),
    );
  }
  if (Array.isArray(from) && Array.isArray(to) && from.length === to.length) {
    return from.flatMap((item, index) => changes(item, to[index], [...path, index]));
  }
  return [{ path, to }];
}

function overlap(a: Path, b: Path): boolean {
  const shared = Math.min(a.length, b.length);
  return a.slice(0, shared).every((part, index) => part === b[index]);
}

export function pathWords(path: Path): string {
  return fieldPath(path.map((part) => `/${String(part).replace(/~/g, '~0').replace(/\//g, '~1')}`).join(''));
}

/** Writes a value into a document's text in place: comments and order stay. */
export function write(document: Document, path: Path, to: unknown): void {
  if (to !== undefined) document.setIn(path, isFields(to) || Array.isArray(to) ? document.createNode(to) : to);
  else if (document.hasIn(path)) document.deleteIn(path);
}

export interface Merged {
  text: string;
  /** Fields that both sides changed, to something else each. */
  both: string[];
}

/**
 * Puts what somebody else changed (`base` to `theirs`) into the text. Where both changed the same field, the text stays as
 * it is. null: the text is no single document that could be merged.
 */
export function merge(base: AuthoredDocument, theirs: AuthoredDocument, text: string): Merged | null {
  const { documents, values, findings } = readText(text);
  const [document, mine] = [documents[0], values[0]];
  if (!document || !mine || documents.length !== 1 || findings.length) return null;
  const own = changes(base, mine);
  const both: string[] = [];
  for (const { path, to } of changes(base, theirs)) {
    const clash = own.filter((change) => overlap(change.path, path));
    if (clash.length === 0) {
      const parent = path.length > 1 ? document.getIn(path.slice(0, -1)) : document.contents;
      if (isCollection(parent) || to !== undefined) write(document, path, to);
    } else if (!clash.every((change) => change.path.length === path.length && same(change.to, to))) {
      both.push(pathWords(path));
    }
  }
  return { text: document.toString(WRITE), both };
}

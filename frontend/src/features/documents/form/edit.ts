import {
  Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  Pair,
  Scalar,
  visit,
  type Node,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { readText } from '../yaml/text';
import { styleOf } from './style';

export type Path = (string | number)[];

export type Op =
  | { do: 'set'; path: Path; to: unknown }
  /** Takes what is there away, and what is empty without it. */
  | { do: 'remove'; path: Path }
  | { do: 'insert'; path: Path; to: unknown }
  | { do: 'move'; path: Path; by: number }
  /** Another name for a field, whose value stays. */
  | { do: 'rename'; path: Path; to: string };

/** Names of the fields of a place, in the order in which they are written. */
export type Order = (path: Path) => string[];

type Collection = YAMLMap | YAMLSeq;

function pairIn(map: YAMLMap, name: string | number): Pair | undefined {
  return map.items.find((pair) => isPair(pair) && isScalar(pair.key) && String(pair.key.value) === String(name));
}

function child(node: Collection, part: string | number): unknown {
  return isSeq(node) ? node.items[Number(part)] : pairIn(node, part)?.value;
}

/** A copy in place of a reference: an edit here must not change what else refers to it. */
function copied(document: Document, alias: Node): Node | null {
  const target = isAlias(alias) ? alias.resolve(document) : undefined;
  if (!target) return null;
  const copy = target.clone() as Node;
  visit(copy, { Node: (_key, node) => void ('anchor' in node && delete node.anchor) });
  return copy;
}

function put(node: Collection, part: string | number, value: unknown, order: string[]): void {
  if (isSeq(node)) {
    node.items[Number(part)] = value;
    return;
  }
  const pair = pairIn(node, part);
  if (pair) {
    if (isScalar(pair.value) && isScalar(value))
      value = Object.assign(pair.value, { value: value.value, type: undefined });
    pair.value = value;
    return;
  }
  const later = new Set(order.slice(order.indexOf(String(part)) + 1));
  const before = order.includes(String(part))
    ? node.items.findIndex(({ key }) => isScalar(key) && later.has(String(key.value)))
    : -1;
  node.items.splice(before < 0 ? node.items.length : before, 0, new Pair(new Scalar(part), value));
}

/** The collection that a path ends in, made where it is not there. null: something else stands in the way. */
function holder(document: Document, path: Path, order: Order, make: boolean): Collection | null {
  if (make && !isCollection(document.contents)) document.contents = document.createNode({}) as never;
  let node: unknown = document.contents;
  for (const [index, part] of path.entries()) {
    if (!isCollection(node)) return null;
    const here = node as Collection;
    if (make && here.items.length === 0) here.flow = false;
    if (index === path.length - 1) return here;
    let next = child(here, part);
    if (isAlias(next)) put(here, part, (next = copied(document, next)), []);
    const nothing = next === null || next === undefined || (isScalar(next) && next.value === null);
    if (nothing) {
      if (!make) return null;
      next = document.createNode(typeof path[index + 1] === 'number' ? [] : {});
      (next as Collection).flow = here.flow;
      put(here, part, next, order(path.slice(0, index)));
    }
    node = next;
  }
  return null;
}

function drop(document: Document, path: Path, order: Order): void {
  const last = path.at(-1);
  const node = holder(document, path, order, false);
  if (!node || last === undefined) return;
  if (isSeq(node)) node.items.splice(Number(last), 1);
  else node.items = node.items.filter((pair) => pair !== pairIn(node, last));
  const above = path.slice(0, -1);
  // An empty item of a list still says something, and so does an empty spec.
  if (node.items.length === 0 && above.length > 1 && typeof above.at(-1) === 'string') drop(document, above, order);
}

function apply(document: Document, op: Op, order: Order): void {
  if (op.do === 'remove') return drop(document, op.path, order);
  const node = holder(document, op.path, order, op.do === 'set' || op.do === 'insert');
  const last = op.path.at(-1);
  if (!node || last === undefined) return;
  if (op.do === 'set') put(node, last, document.createNode(op.to), order(op.path.slice(0, -1)));
  else if (op.do === 'insert' && isSeq(node)) node.items.splice(Number(last), 0, document.createNode(op.to));
  else if (op.do === 'rename' && isMap(node)) {
    const pair = pairIn(node, last);
    if (isScalar(pair?.key)) pair.key.value = op.to;
  } else if (op.do === 'move' && isSeq(node)) {
    const [item] = node.items.splice(Number(last), 1);
    node.items.splice(Number(last) + op.by, 0, item);
  }
}

function written(value: unknown, quotes: Scalar['type'] | undefined): string {
  const document = new Document(value, { version: '1.1' });
  if (quotes && typeof value === 'string') (document.contents as unknown as Scalar).type = quotes;
  return document.toString({ lineWidth: 0 }).replace(/\n$/, '');
}

/** A value that is there already is written over in its place: nothing else in the text moves. */
function inPlace(document: Document, text: string, op: Op): string | null {
  if (op.do !== 'set' || (typeof op.to === 'object' && op.to !== null)) return null;
  let node: unknown = document.contents;
  for (const part of op.path) {
    if (!isCollection(node) || node.flow) return null;
    node = child(node as Collection, part);
  }
  if (!isScalar(node) || !node.range || node.tag || node.anchor || node.value === null) return null;
  const { type, range, value } = node as Scalar;
  const [from, to] = range as [number, number, number];
  const quoted = type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE';
  if ((!quoted && type !== 'PLAIN') || text.slice(from, to).includes('\n')) return null;
  // Quotes that were needed go with the value that needed them; those that somebody chose stay.
  const chosen = quoted && !/^["']/.test(written(value, undefined));
  const made = written(op.to, chosen ? type : undefined);
  return made.includes('\n') ? null : text.slice(0, from) + made + text.slice(to);
}

const indentOf = (line: string) => line.length - line.trimStart().length;

/** Indents a new line like its neighbours: a text may indent otherwise here than elsewhere. */
function indented(line: string, at: number, old: string[], then: string[]): string {
  const own = indentOf(line);
  let best: { shift: number; far: number } = { shift: 0, far: Infinity };
  then.forEach((each, index) => {
    const short = own - indentOf(each);
    if (short < 0 || each.trim() === '') return;
    // The same depth says most, then the depth nearest to it; among those the nearest line.
    const far = short * 10_000 + Math.abs(index - at);
    if (far < best.far) best = { shift: indentOf(old[index] ?? '') - indentOf(each), far };
  });
  return line.trim() === '' ? line : ' '.repeat(Math.max(0, own + best.shift)) + line.trimStart();
}

/** The lines that an edit did not touch, as they were: writing a text anew would space them otherwise. */
function kept(original: string, before: string, after: string): string {
  const [old, then, now] = [original, before, after].map((text) => text.split('\n')) as [string[], string[], string[]];
  if (old.length !== then.length) return after;
  let top = 0;
  while (top < Math.min(then.length, now.length) && then[top] === now[top]) top++;
  let bottom = 0;
  while (bottom < Math.min(then.length, now.length) - top && then.at(-1 - bottom) === now.at(-1 - bottom)) bottom++;
  const changed = now.slice(top, now.length - bottom).map((line) => indented(line, top, old, then));
  return [...old.slice(0, top), ...changed, ...old.slice(old.length - bottom, old.length)].join('\n');
}

function one(text: string, ops: Op[], order: Order): string {
  const document = readText(text).documents[0];
  if (!document) return text;
  const [only] = ops;
  const quick = ops.length === 1 && only ? inPlace(document, text, only) : null;
  if (quick !== null) return quick;
  const style = styleOf(text);
  const before = document.toString(style);
  for (const op of ops) apply(document, op, order);
  const after = document.toString(style);
  if (after === before) return text;
  const result = kept(text, before, after);
  const read = readText(result);
  const same = read.findings.length === 0 && JSON.stringify(read.values[0]) === JSON.stringify(document.toJS());
  return same ? result : after;
}

/** Edits one of a text's documents. What the edit is not about stays as its author wrote it. */
export function edited(text: string, index: number, ops: Op[], order: Order): string {
  const read = readText(text);
  const range = read.documents[index]?.range;
  if (!range || read.findings.length) return text;
  const [from, , end] = range;
  // A document that ends in a field without value ends before its line does.
  const to = text[end] === '\n' && text[end - 1] !== '\n' ? end + 1 : end;
  return text.slice(0, from) + one(text.slice(from, to), ops, order) + text.slice(to);
}

import type { Path } from './edit';

/** What a form shows of a document, and how: a kind's form is a table of these, and nothing else. */
export interface FormTable {
  /** Name of the kind in the API; the two Gateways have two. */
  kind: string;
  /** What can only be written in one way, and so is no question. */
  fixed?: At[];
  sections: Section[];
}

export interface Section {
  section: string;
  help?: string;
  /** The part of the document that its fields stand in; `spec` when left out. */
  of?: 'metadata' | 'spec';
  items: Item[];
}

export type Item = Leaf | Rows | Group | Choice;

/** Where a field stands, from the scope of its table on: "timeouts.request". Empty: the scope itself. */
export type At = string;

export type Scope = unknown;

/** Documents whose names can be picked. Subsets are those of the DestinationRules for a host. */
export type Source =
  'services' | 'hosts' | 'gateways' | 'istiogateways' | 'secrets' | 'namespaces' | 'serviceentries' | 'subsets';

interface Shown {
  label: string;
  help?: string;
  /** Only shown where this holds; what is set all the same is listed as standing in the YAML. */
  when?: (scope: Scope) => boolean;
}

export type Control =
  | { as: 'text'; placeholder?: string }
  | { as: 'number'; unit?: string }
  /** Gateway API knows no fractions: "1.5s" is "1500ms". */
  | { as: 'duration'; whole?: boolean }
  | { as: 'select'; options?: [value: string, label: string][]; unset: string }
  | { as: 'switch'; fallback: boolean }
  /** Several values in one field, with commas between them. */
  | { as: 'list'; numbers?: boolean; placeholder?: string }
  /** A map: `text` values, port `numbers`, or matches of a value. */
  | { as: 'pairs'; of: 'text' | 'number' | 'match'; one: string }
  /** `{exact: …}`, `{prefix: …}` or `{regex: …}`. */
  | { as: 'match'; usual: 'exact' | 'prefix' }
  | { as: 'pick'; from: (scope: Scope) => Source; fills?: At }
  /** A port of the service that `of` names. */
  | { as: 'port'; of: At };

export type Leaf = Shown & Control & { at: At; width?: number; also?: At[] };

export interface Rows extends Shown {
  rows: At;
  one: string;
  add: string;
  /** What the list means when there is nothing in it. */
  empty?: string;
  fresh: unknown;
  items: Item[];
  /** `line`: fields side by side. `box`: a frame round each. `card`: with a title, and it can be closed. */
  look: 'line' | 'box' | 'card';
  /** The order means something, so rows can be moved. */
  ordered?: boolean;
  title?: (row: Scope) => string;
  /** The rows share the calls among them. */
  shares?: { weight: At; fallback: number; name: (row: Scope) => string };
}

export interface Group extends Omit<Shown, 'label'> {
  group: string;
  items: Item[];
}

/** One of several, of which each sets fields of its own: choosing one takes the others away. */
export interface Choice extends Shown {
  choice: Option[];
  width?: number;
}

export interface Option {
  label: string;
  is: (scope: Scope) => boolean;
  /** undefined: taken away. */
  sets: Record<At, unknown>;
  items?: Item[];
}

export function pathOf(at: At): Path {
  return at === '' ? [] : at.split('.');
}

/** What is in a document at a path; undefined where nothing is. */
export function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const part of path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Record<string | number, unknown>)[part];
  }
  return found;
}

export function get(scope: Scope, at: At): unknown {
  return valueAt(scope, pathOf(at));
}

/** As text, for titles: what is not there is nothing. */
export function words(scope: Scope, at: At): string {
  const value = get(scope, at);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

export function listAt(scope: Scope, at: At): unknown[] {
  const value = get(scope, at);
  return Array.isArray(value) ? value : [];
}

export function pointerOf(path: Path): string {
  return path.map((part) => `/${String(part).replace(/~/g, '~0').replace(/\//g, '~1')}`).join('');
}

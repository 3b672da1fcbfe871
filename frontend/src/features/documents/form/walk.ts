import type { Schema } from '@/api/kinds';
import type { Violation } from '@/api/types';
import { schemasAt } from '../yaml/schema';
import type { Path } from './edit';
import { get, listAt, pathOf, pointerOf, type Item, type Leaf, type Scope } from './table';

export interface Met {
  leaf: Leaf;
  path: Path;
  value: unknown;
}

function isShown(item: Item, scope: Scope): boolean {
  return item.when?.(scope) ?? true;
}

/** The parts of a table that are in use for a document: every field, once for each row that it stands in. */
export function* fields(items: Item[], scope: Scope, path: Path): Generator<Met> {
  for (const item of items) {
    if (!isShown(item, scope)) continue;
    if ('at' in item) yield { leaf: item, path: [...path, ...pathOf(item.at)], value: get(scope, item.at) };
    else if ('group' in item) yield* fields(item.items, scope, path);
    else if ('choice' in item) yield* fields(item.choice.find(({ is }) => is(scope))?.items ?? [], scope, path);
    else {
      for (const [index, row] of listAt(scope, item.rows).entries()) {
        yield* fields(item.items, row, [...path, ...pathOf(item.rows), index]);
      }
    }
  }
}

/** What shows itself, with all that is below it. */
function* covered(items: Item[], scope: Scope, path: Path): Generator<Path> {
  for (const item of items) {
    if (!isShown(item, scope)) continue;
    if ('at' in item) {
      for (const at of [item.at, ...(item.also ?? [])]) yield [...path, ...pathOf(at)];
    } else if ('group' in item) yield* covered(item.items, scope, path);
    else if ('choice' in item) {
      const chosen = item.choice.find(({ is }) => is(scope));
      for (const at of Object.keys(chosen?.sets ?? {})) {
        if (chosen?.sets[at] !== undefined && typeof get(scope, at) !== 'object') yield [...path, ...pathOf(at)];
      }
      yield* covered(chosen?.items ?? [], scope, path);
    } else {
      const rows = listAt(scope, item.rows);
      for (const [index, row] of rows.entries()) {
        yield* covered(item.items, row, [...path, ...pathOf(item.rows), index]);
      }
    }
  }
}

/** Paths, from the top of the document on, of what is set and has no field in the form. */
export function uncovered(value: unknown, items: Item[], scopePath: Path, fixed: string[] = []): Path[] {
  const scope = scopePath.reduce<unknown>((found, part) => get(found, String(part)), value);
  const shown = new Set([...covered(items, scope, scopePath)].map(pointerOf));
  for (const at of ['apiVersion', 'kind', 'metadata.name', 'metadata.namespace', ...fixed])
    shown.add(pointerOf(pathOf(at)));
  const above = new Set(
    [...shown].flatMap((pointer) => pointer.split('/').map((_, end, all) => all.slice(0, end).join('/'))),
  );
  const found: Path[] = [];
  const look = (here: unknown, path: Path) => {
    const pointer = pointerOf(path);
    if (shown.has(pointer) || here === null || here === undefined) return;
    const isEmpty = typeof here === 'object' && Object.keys(here).length === 0;
    if (typeof here !== 'object' || (path.length && !above.has(pointer) && !isEmpty)) found.push(path);
    else if (Array.isArray(here)) here.forEach((item, index) => look(item, [...path, index]));
    else for (const [name, item] of Object.entries(here)) look(item, [...path, name]);
  };
  look(value, []);
  return found;
}

/** The fields of a schema at a place of a document. */
export function schemaAt(root: Schema, path: Path): Schema[] {
  return schemasAt(
    root,
    path.map((part) => (typeof part === 'number' ? '[]' : part)),
  );
}

export function isRequired(root: Schema, path: Path): boolean {
  const name = path.at(-1);
  return typeof name === 'string' && schemaAt(root, path.slice(0, -1)).some((each) => each.required?.includes(name));
}

export function mostOf(root: Schema, path: Path): number {
  return Math.min(...schemaAt(root, path).map(({ maxItems }) => maxItems ?? Infinity));
}

/** A value that holds where none is written; null where the schema names none that a field could show. */
export function fallbackOf(root: Schema, path: Path): string | null {
  const name = String(path.at(-1));
  const found = schemaAt(root, path.slice(0, -1)).map((each) => each.properties?.[name]?.default);
  const value = found.find((each) => typeof each === 'string' || typeof each === 'number');
  return value === undefined || value === '' ? null : String(value);
}

const WHOLE = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;
const FRACTION = /^([0-9]{1,12}(\.[0-9]{1,9})?(h|ms|m|s|us|µs|ns)){1,6}$/;

function numberProblem(value: unknown, schemas: Schema[]): string | null {
  const whole = schemas.every(({ type }) => type === 'integer');
  if (typeof value !== 'number' || (whole && !Number.isInteger(value))) {
    return whole ? 'must be a whole number' : 'must be a number';
  }
  const least = Math.max(...schemas.map(({ minimum }) => minimum ?? -Infinity));
  const most = Math.min(...schemas.map(({ maximum }) => maximum ?? Infinity));
  if (value >= least && value <= most) return null;
  if (most === Infinity) return `must be ${least} or more`;
  return least === -Infinity ? `must be ${most} or less` : `must be from ${least} to ${most}`;
}

function problem({ leaf, path, value }: Met, root: Schema): string | null {
  if (leaf.as === 'duration') {
    const fits = (leaf.whole ? WHOLE : FRACTION).test(String(value));
    return fits ? null : `must be a duration such as 10s, 250ms or 1h30m`;
  }
  return leaf.as === 'number' || leaf.as === 'port' ? numberProblem(value, schemaAt(root, path)) : null;
}

/** What a form can tell before the server is asked: that a number or a duration is none, or out of bounds. */
export function objections(items: Item[], scope: Scope, path: Path, root: Schema, document: number): Violation[] {
  return [...fields(items, scope, path)].flatMap((met) => {
    if (met.value === undefined || met.value === null || met.value === '') return [];
    const detail = problem(met, root);
    return detail ? [{ document, pointer: pointerOf(met.path), code: 'form', detail }] : [];
  });
}

import { deref, kindOf, KINDS, variants, type Kind, type Schema } from '@/api/kinds';
import type { Context } from './context';

/** What the server sets by itself: nobody writes it. */
const SERVER_SETS = new Set(['uid', 'resourceVersion', 'generation', 'creationTimestamp']);

export interface Field {
  name: string;
  schema: Schema;
  required: boolean;
}

function isWritten(path: string[], name: string): boolean {
  if (path.length === 0) return name !== 'status';
  return !(path.length === 1 && path[0] === 'metadata' && SERVER_SETS.has(name));
}

/** Schemas that the place may have: unions give several. */
export function schemasAt(root: Schema, path: string[]): Schema[] {
  let found = variants(root);
  for (const part of path) {
    found = found.flatMap((schema) => {
      if (part === '[]') return variants(schema.items);
      const property = schema.properties?.[part];
      if (property) return variants(property);
      return typeof schema.additionalProperties === 'object' ? variants(schema.additionalProperties) : [];
    });
  }
  return found;
}

/** Before a document says its kind, every kind may have been meant. */
function rootFor(head: Context['head']): { kind: Kind | undefined; schema: Schema } {
  const kind = kindOf(head.apiVersion, head.kind) ?? KINDS.find((each) => each.kind === head.kind);
  if (kind) return { kind, schema: kind.schema };
  const names = [...new Set(KINDS.map((each) => each.kind))];
  const versions = [...new Set(KINDS.map((each) => each.apiVersion))];
  const properties: Record<string, Schema> = {
    apiVersion: { type: 'string', enum: versions },
    kind: { type: 'string', enum: names },
    metadata: { $ref: '#/components/schemas/Metadata' },
    spec: { type: 'object' },
  };
  return { kind: undefined, schema: { properties, required: ['apiVersion', 'kind', 'metadata'] } };
}

export function fieldsAt(context: Context): Field[] {
  const { schema } = rootFor(context.head);
  const found = new Map<string, Field>();
  for (const each of schemasAt(schema, context.path)) {
    for (const [name, property] of Object.entries(each.properties ?? {})) {
      if (!isWritten(context.path, name) || found.has(name)) continue;
      found.set(name, { name, schema: property, required: each.required?.includes(name) ?? false });
    }
  }
  return [...found.values()];
}

/** Values that a place can have, where there are only some. */
export function valuesAt(context: Context): string[] {
  const { kind, schema } = rootFor(context.head);
  const path = context.key === null ? context.path : [...context.path, context.key];
  if (path.join('/') === 'apiVersion' && context.head.kind) {
    return KINDS.filter((each) => each.kind === context.head.kind).flatMap((each) => each.versions);
  }
  if (path.join('/') === 'kind' && !kind) return [...new Set(KINDS.map((each) => each.kind))];
  const values = schemasAt(schema, path).flatMap((each) => {
    if (each.enum) return each.enum;
    if (each.const !== undefined) return [each.const];
    return each.type === 'boolean' ? [true, false] : [];
  });
  return [...new Set(values.filter((value) => value !== null).map(String))];
}

/**
 * A document with its fields in the order in which its kind describes them: stored ones come back in an order that nobody
 * would write.
 */
export function inOrder(value: unknown, schema: Schema | undefined): unknown {
  const found = variants(schema);
  if (Array.isArray(value)) return value.map((item) => inOrder(item, found.find((each) => each.items)?.items));
  if (typeof value !== 'object' || value === null) return value;
  const fields = value as Record<string, unknown>;
  const known = found.flatMap((each) => Object.keys(each.properties ?? {}));
  const names = [
    ...known.filter((name) => name in fields),
    ...Object.keys(fields).filter((name) => !known.includes(name)),
  ];
  return Object.fromEntries(
    [...new Set(names)].map((name) => {
      const owner = found.find((each) => each.properties?.[name]);
      const open = found.find((each) => typeof each.additionalProperties === 'object')?.additionalProperties;
      return [name, inOrder(fields[name], owner?.properties?.[name] ?? (typeof open === 'object' ? open : undefined))];
    }),
  );
}

/** "text", "number", "list", "fields": what people write there. */
export function shapeOf(schema: Schema): string {
  const words = variants(schema).map((each) => {
    if (each.enum || each.const !== undefined) return 'one of';
    if (each.items || each.type === 'array') return 'list';
    if (each.properties || each.type === 'object') return 'fields';
    return { string: 'text', integer: 'number', number: 'number', boolean: 'true or false' }[each.type ?? ''] ?? '';
  });
  return [...new Set(words.filter(Boolean))].join(' or ');
}

export interface Explained {
  path: string;
  shape: string;
  values: string[];
  fallback: string | null;
  required: boolean;
  says: string;
}

/** What there is to know about the field at the cursor. */
export function explain(context: Context): Explained | null {
  const path = context.key === null ? context.path : [...context.path, context.key];
  const name = path.findLast((part) => part !== '[]');
  if (!name) return null;
  const owner = path.slice(0, path.lastIndexOf(name));
  const field = fieldsAt({ ...context, path: owner }).find((each) => each.name === name);
  if (!field) return null;
  const own = deref(field.schema);
  const fallback = field.schema.default ?? own?.default;
  const empty = fallback == null || (typeof fallback === 'object' && Object.keys(fallback).length === 0);
  const words = [own?.description, ...variants(field.schema).map((each) => each.description)];
  return {
    path: path.reduce((text, part) => (part === '[]' ? `${text}[]` : text ? `${text}.${part}` : part), ''),
    shape: shapeOf(field.schema),
    values: valuesAt({ ...context, path: owner, key: name }),
    fallback: empty ? null : String(fallback),
    required: field.required,
    says: words.find(Boolean) ?? '',
  };
}

import { KINDS as SERVED, SCHEMAS } from 'virtual:kinds';

/** The part of JSON Schema that the server's models use. */
export interface Schema {
  $ref?: string;
  title?: string;
  description?: string;
  type?: string;
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  required?: string[];
  writeOnly?: boolean;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
}

export interface Kind {
  /** Unique; what documents call it is `kind`, and two have a Gateway. */
  key: string;
  kind: string;
  apiVersion: string;
  versions: string[];
  plural: string;
  namespaced: boolean;
  summary: string;
  example: Example;
  schema: Schema;
  /** Some of its values are never shown again. */
  writeOnly: boolean;
}

export type Example = (typeof SERVED)[number]['example'];

/** Follows a reference; a schema that is none is itself. */
export function deref(schema: Schema | undefined): Schema | undefined {
  if (!schema?.$ref) return schema;
  return SCHEMAS[schema.$ref.replace('#/components/schemas/', '')];
}

/** Every schema that a value may have: members of unions one by one, without null. */
export function variants(schema: Schema | undefined): Schema[] {
  const found = deref(schema);
  if (!found) return [];
  const members = found.anyOf ?? found.oneOf ?? found.allOf;
  if (!members) return found.type === 'null' ? [] : [found];
  return members.flatMap(variants).map((member) => ({ description: found.description, ...member }));
}

function hasWriteOnly(schema: Schema, depth = 0): boolean {
  if (schema.writeOnly) return true;
  if (depth > 4) return false;
  return variants(schema).some(
    (each) =>
      each.writeOnly || Object.values(each.properties ?? {}).some((property) => hasWriteOnly(property, depth + 1)),
  );
}

function kindFrom({ plural, namespaced, example }: (typeof SERVED)[number]): Kind[] {
  return Object.entries(SCHEMAS).flatMap(([key, schema]) => {
    const { apiVersion, kind } = schema.properties ?? {};
    if (kind?.const !== example.kind || !apiVersion?.enum?.includes(example.apiVersion)) return [];
    return [
      {
        key,
        kind: example.kind,
        apiVersion: example.apiVersion,
        versions: apiVersion.enum.map(String),
        plural,
        namespaced,
        summary: schema.description ?? '',
        example,
        schema,
        writeOnly: hasWriteOnly(schema),
      },
    ];
  });
}

/** Every kind of document that the server takes, by name. */
export const KINDS: Kind[] = SERVED.flatMap(kindFrom).sort((a, b) => a.key.localeCompare(b.key));

export function kindWithPlural(plural: string): Kind | undefined {
  return KINDS.find((kind) => kind.plural === plural);
}

/** The kind that a document says it has. */
export function kindOf(apiVersion: unknown, kind: unknown): Kind | undefined {
  return KINDS.find((each) => each.kind === kind && each.versions.includes(String(apiVersion)));
}

/** What people call it: Istio's Gateway is not the Gateway of the Gateway API. */
export function kindLabel(kind: Kind): string {
  return kind.key === kind.kind ? kind.kind : `${kind.kind} (Istio)`;
}

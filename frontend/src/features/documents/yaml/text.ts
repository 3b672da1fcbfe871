import { Document, isScalar, LineCounter, parseAllDocuments, type YAMLError } from 'yaml';
import { kindOf } from '@/api/kinds';
import type { AnyDocument, AuthoredDocument } from '@/api/types';
import { inOrder } from './schema';

/**
 * YAML as the server reads it: 1.1 with its "yes" and "no", but without times. Values that another reader would take for
 * something else are quoted when they are written.
 */
const READ = {
  version: '1.1',
  prettyErrors: false,
  customTags: (tags: unknown[]) =>
    tags.filter((tag) => tag !== 'timestamp' && (tag as { tag?: string }).tag !== 'tag:yaml.org,2002:timestamp'),
} as const;

/** How the server writes it: lists stand where their key stands, lines are not broken. */
export const WRITE = { indentSeq: false, lineWidth: 0 } as const;

/** Something wrong in a text. `from` and `to` are offsets, `line` counts from 1. */
export interface Finding {
  line: number;
  from: number;
  to: number;
  /** Path of the field, as people write it; empty where the text itself is not YAML. */
  field: string;
  detail: string;
  /** The same path as JSON pointer, and the document that it is about. */
  pointer?: string;
  document?: number;
}

export interface ReadText {
  documents: Document[];
  values: AuthoredDocument[];
  lines: LineCounter;
  findings: Finding[];
}

/** The mistakes that people make; the rest is told in the reader's words. */
const MISTAKES: Partial<Record<YAMLError['code'], string>> = {
  BAD_INDENT: 'The indentation does not fit the lines above.',
  BLOCK_AS_IMPLICIT_KEY: 'The next line is indented as if it belonged to this value: indent it like its neighbours.',
  DUPLICATE_KEY: 'This field is given twice.',
  MULTILINE_IMPLICIT_KEY: 'A colon is missing here, or the next line is indented too far.',
  TAB_AS_INDENT: 'Tabs cannot indent YAML: use spaces.',
};

function syntax(error: YAMLError, lines: LineCounter): Finding {
  const [from, to] = error.pos;
  const noColon = error.message.startsWith('Implicit map keys')
    ? 'A colon is missing after the name of this field.'
    : null;
  const detail = noColon ?? MISTAKES[error.code] ?? error.message.replace(/ at line \d+.*$/s, '');
  return { line: Math.max(1, lines.linePos(from).line), from, to, field: '', detail };
}

function isThere({ contents, errors }: { contents: unknown; errors: unknown[] }): boolean {
  return errors.length > 0 || (contents !== null && !(isScalar(contents) && contents.value === null));
}

/** Reads a text of one document or several. Empty ones do not count, as for the server. */
export function readText(text: string): ReadText {
  const lines = new LineCounter();
  // The library's types know its own tags by name only; a filter of them is still a list of tags.
  const parsed = parseAllDocuments(text, { ...READ, lineCounter: lines } as Parameters<typeof parseAllDocuments>[1]);
  const documents = (Array.isArray(parsed) ? parsed : []).filter(isThere);
  // What follows from a first error only hides it.
  const findings = documents.flatMap(({ errors }) => errors.slice(0, 1).map((error) => syntax(error, lines)));
  const values: AuthoredDocument[] = [];
  for (const document of documents) {
    if (document.errors.length) continue;
    const value: unknown = document.toJS();
    if (value && typeof value === 'object' && !Array.isArray(value)) values.push(value as AuthoredDocument);
    else findings.push(notAMapping(document as Document, lines));
  }
  if (documents.length === 0) findings.push({ line: 1, from: 0, to: 0, field: '', detail: 'There is no document.' });
  return { documents: documents as Document[], values, lines, findings };
}

function notAMapping(document: Document, lines: LineCounter): Finding {
  const from = document.contents?.range?.[0] ?? 0;
  const to = document.contents?.range?.[1] ?? from;
  const detail = 'A document starts with fields such as apiVersion and kind.';
  return { line: lines.linePos(from).line, from, to, field: '', detail };
}

export function toYaml(value: unknown): string {
  return new Document(value, { version: '1.1', aliasDuplicateObjects: false }).toString(WRITE);
}

/** The part of a document that its author decides, in the order in which people write it. */
export function authored(document: AnyDocument): AuthoredDocument {
  const known = kindOf(document.apiVersion, document.kind);
  const { apiVersion, kind, metadata, ...rest } = document;
  const { name, namespace, labels, annotations } = metadata;
  const found = {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace ? { namespace } : {}),
      ...(Object.keys(labels ?? {}).length ? { labels } : {}),
      ...(Object.keys(annotations ?? {}).length ? { annotations } : {}),
    },
    ...Object.fromEntries(Object.entries(rest).filter(([field]) => field !== 'status')),
  };
  return inOrder(found, known?.schema) as AuthoredDocument;
}

const SEALED = /: ["']?\(sealed\)["']?$/gm;

/** What Edit starts from. Sealed values must be written again: they are never shown, and a missing one would be removed. */
export function editable(document: AnyDocument): string {
  return toYaml(authored(document)).replace(SEALED, ': "" # sealed: write it again');
}

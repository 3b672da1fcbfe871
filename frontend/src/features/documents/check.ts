import { kindOf, type Kind } from '@/api/kinds';
import { NO_NAMESPACE, type Place } from '@/api/places';
import type { AuthoredDocument, Violation } from '@/api/types';
import { titleOf } from './model';
import { locate } from './yaml/pointer';
import type { Finding, ReadText } from './yaml/text';

/** What the server said about a text. */
export interface Verdict {
  text: string;
  violations: Violation[];
}

function lineText(text: string, line: number): string {
  return (text.split('\n')[line - 1] ?? '').trim();
}

/** What the server refused, as long as the line it is about was not touched since. */
export function stillThere(read: ReadText, text: string, verdict: Verdict, checked: ReadText): Finding[] {
  const now = locate(read, verdict.violations);
  const then = locate(checked, verdict.violations);
  return now.filter((finding, index) => {
    const before = then[index];
    return before && lineText(text, finding.line) === lineText(verdict.text, before.line);
  });
}

function metadataOf(value: AuthoredDocument | undefined): { name?: unknown; namespace?: unknown } {
  const metadata = value?.metadata;
  return metadata && typeof metadata === 'object' ? metadata : {};
}

/** Editing keeps a document's name: under another one it would be another document. */
export function renamed(read: ReadText, kind: Kind, place: Place): Violation[] {
  const value = read.values[0];
  const { name, namespace } = metadataOf(value);
  const title = titleOf(kind, place.namespace, place.name);
  const detail = `stays as it is: this page edits ${title}. New document makes another one.`;
  const found: Violation[] = [];
  const say = (pointer: string) => found.push({ document: 0, pointer, code: 'renamed', detail });
  if (value && kindOf(value.apiVersion, value.kind)?.key !== kind.key) say('/kind');
  if (name !== place.name) say('/metadata/name');
  if (kind.namespaced && namespace !== place.namespace) say('/metadata/namespace');
  return found;
}

/** The documents as they are sent: the one that is edited carries the version that was seen. */
export function toSend(read: ReadText, seen: string | null): AuthoredDocument[] {
  return read.values.map((value, index) =>
    seen !== null && index === 0 ? { ...value, metadata: { ...metadataOf(value), resourceVersion: seen } } : value,
  );
}

/** What a document calls itself, for sentences about it. */
export function nameOf(value: AuthoredDocument | undefined): string {
  const { name, namespace } = metadataOf(value);
  const kind = kindOf(value?.apiVersion, value?.kind);
  if (!kind || typeof name !== 'string') return 'the document';
  return titleOf(kind, typeof namespace === 'string' ? namespace : NO_NAMESPACE, name);
}

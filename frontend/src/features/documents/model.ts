import type { AnyDocument, Condition, RevisionSummary } from '@/api/types';
import { kindLabel, type Kind } from '@/api/kinds';
import { NO_NAMESPACE, type Place } from '@/api/places';
import type { Tone } from '@/ui/state';

export interface Row {
  key: string;
  kind: Kind;
  place: Place;
  namespace: string;
  name: string;
  document: AnyDocument;
  state: DocumentState;
}

/** Whether a condition says that something is wrong. Conflicted is good news when it is not met. */
export function isOpen({ type, status }: Condition): boolean {
  return type === 'Conflicted' ? status === 'True' : status !== 'True';
}

export type StateKey = 'accepted' | 'refs' | 'conflicted' | 'programmed' | 'going' | 'live';

export interface DocumentState {
  key: StateKey;
  tone: Tone;
  word: string;
  /** The condition that says so. */
  because: Condition | null;
}

const STATES: { key: StateKey; tone: Tone; word: string; is: (condition: Condition) => boolean }[] = [
  {
    key: 'accepted',
    tone: 'bad',
    word: 'Not accepted',
    is: ({ type, status }) => type === 'Accepted' && status === 'False',
  },
  {
    key: 'programmed',
    tone: 'bad',
    word: 'Refused',
    is: ({ type, status, reason }) => type === 'Programmed' && status === 'False' && reason !== 'Pending',
  },
  {
    key: 'refs',
    tone: 'warn',
    word: 'Points to nothing',
    is: ({ type, status }) => type === 'ResolvedRefs' && status === 'False',
  },
  {
    key: 'conflicted',
    tone: 'warn',
    word: 'Loses to another',
    is: ({ type, status }) => type === 'Conflicted' && status === 'True',
  },
  {
    key: 'going',
    tone: 'go',
    word: 'Going live',
    is: ({ type, status, reason }) => type === 'Programmed' && status === 'False' && reason === 'Pending',
  },
  { key: 'live', tone: 'unknown', word: 'Unknown', is: ({ status }) => status === 'Unknown' },
];

/** The worst that any condition of a document says, its parents and listeners included. */
export function stateOf({ status }: AnyDocument): DocumentState {
  const parts = [...(status.parents ?? []), ...(status.listeners ?? [])];
  const all = [...status.conditions, ...parts.flatMap(({ conditions }) => conditions)];
  for (const { is, ...state } of STATES) {
    const because = all.find(is);
    if (because) return { ...state, because };
  }
  return { key: 'live', tone: 'ok', word: 'Live', because: null };
}

export function rowOf(kind: Kind, document: AnyDocument): Row {
  const { name } = document.metadata;
  const namespace = document.metadata.namespace ?? '';
  const place = { plural: kind.plural, namespace: namespace || NO_NAMESPACE, name };
  return {
    key: `${kind.plural}/${place.namespace}/${name}`,
    kind,
    place,
    namespace,
    name,
    document,
    state: stateOf(document),
  };
}

const ORDER: StateKey[] = ['accepted', 'programmed', 'refs', 'conflicted', 'going', 'live'];

export function attentionFirst(rows: Row[]): Row[] {
  return [...rows].sort(
    (a, b) =>
      ORDER.indexOf(a.state.key) - ORDER.indexOf(b.state.key) ||
      a.kind.key.localeCompare(b.kind.key) ||
      a.key.localeCompare(b.key),
  );
}

export function fits(row: Row, typed: string): boolean {
  const labels = Object.entries(row.document.metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  const hay = [kindLabel(row.kind), `${row.namespace}/${row.name}`, ...labels].join(' ').toLowerCase();
  return typed
    .toLowerCase()
    .split(/\s+/)
    .every((word) => hay.includes(word));
}

/** "HTTPRoute shop/payments", as revisions and origins name it. */
export function titleOf(kind: Kind, namespace: string, name: string): string {
  return `${kind.key} ${namespace && namespace !== NO_NAMESPACE ? `${namespace}/` : ''}${name}`;
}

export function changed(revision: RevisionSummary, kind: Kind, place: Place): boolean {
  const namespace = place.namespace === NO_NAMESPACE ? '' : place.namespace;
  return revision.changes.some(
    (change) => change.kind === kind.key && (change.namespace ?? '') === namespace && change.name === place.name,
  );
}

const CONDITION_WORDS: Record<Condition['type'], [met: string, not: string]> = {
  Accepted: ['Accepted', 'Not accepted'],
  ResolvedRefs: ['What it points to is there', 'Points to something that is not there'],
  Programmed: ['Live on the proxies that need it', 'Not live everywhere'],
  Conflicted: ['Another document wins', 'No other document is in its way'],
  Counted: ['Every request was counted', 'Requests were not counted'],
};

export function conditionWords({ type, status, reason }: Condition): { tone: Tone; word: string } {
  const [met, not] = CONDITION_WORDS[type];
  if (status === 'Unknown') return { tone: 'unknown', word: `${type}: unknown` };
  const word = status === 'True' ? met : not;
  if (type === 'Conflicted') return { tone: status === 'True' ? 'warn' : 'ok', word };
  if (status === 'True') return { tone: 'ok', word };
  if (reason === 'Pending') return { tone: 'go', word: 'Going live' };
  return { tone: type === 'ResolvedRefs' || type === 'Counted' ? 'warn' : 'bad', word };
}

import type { Revision, RevisionProxy, RevisionSummary } from '@/api/types';
import { plural } from '@/ui/format';
import type { Tone } from '@/ui/state';

export function stateOf(revision: RevisionSummary): { tone: Tone; word: string } {
  const { affected, live, rejected, disconnected } = revision.counts;
  switch (revision.state) {
    case 'rejected':
      return { tone: 'bad', word: `Refused by ${rejected} of ${affected}` };
    case 'pending':
      return { tone: 'go', word: affected ? `Going live, ${live} of ${affected}` : 'Going live' };
    case 'superseded':
      return { tone: 'idle', word: 'Replaced' };
    case 'live':
      return { tone: 'ok', word: disconnected ? `Live on ${live} of ${affected}` : 'Live' };
  }
}

export const ORIGIN_WORDS: Record<RevisionSummary['origin'], string> = {
  api: 'over the API',
  cli: 'with meshctl',
  console: 'in the console',
  agent: 'by an agent',
  system: 'by the control plane',
};

const VERBS = { created: 'Create', updated: 'Change', deleted: 'Delete' } as const;

export function documentName(each: { kind: string; namespace?: string | null; name: string }): string {
  return `${each.kind} ${each.namespace ? `${each.namespace}/` : ''}${each.name}`;
}

/** What changed, when nobody wrote why. */
export function whatChanged(revision: Pick<RevisionSummary, 'changes'>): string {
  const [first, ...rest] = revision.changes;
  if (!first) return 'No document changed';
  const more = rest.length ? ` and ${plural(rest.length, 'more document')}` : '';
  return `${VERBS[first.action]} ${documentName(first)}${more}`;
}

export function reasonOf(revision: RevisionSummary): string {
  return revision.reason || whatChanged(revision);
}

export const PROXY_WORDS: Record<RevisionProxy['state'], { tone: Tone; word: string }> = {
  live: { tone: 'ok', word: 'Live' },
  pending: { tone: 'go', word: 'Sent' },
  rejected: { tone: 'bad', word: 'Refused' },
  disconnected: { tone: 'away', word: 'Not connected' },
};

const ORDER: RevisionProxy['state'][] = ['rejected', 'pending', 'disconnected', 'live'];

/** Those that are not live come first; among equals those that the reader asked about, then by name. */
export function openFirst(proxies: RevisionProxy[], first: ReadonlySet<string> = new Set()): RevisionProxy[] {
  return [...proxies].sort(
    (a, b) =>
      Number(first.has(b.id)) - Number(first.has(a.id)) ||
      ORDER.indexOf(a.state) - ORDER.indexOf(b.state) ||
      a.id.localeCompare(b.id),
  );
}

export function slowest(revision: Revision): number | null {
  const times = revision.proxies.map((proxy) => proxy.millis).filter((millis) => millis !== null);
  return times.length ? Math.max(...times) : null;
}

export function fits(revision: RevisionSummary, needle: string, namespace: string | undefined): boolean {
  if (namespace && !revision.changes.some((change) => change.namespace === namespace || change.name === namespace)) {
    return false;
  }
  const hay = [`r${revision.number}`, revision.reason, revision.author, ...revision.changes.map(documentName)];
  return hay.some((text) => text.toLowerCase().includes(needle.toLowerCase()));
}

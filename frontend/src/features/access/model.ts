import type { AccessCell, AccessMatrix } from '@/api/types';
import { rate, shortName } from '@/ui/format';
import type { Tone } from '@/ui/state';

/** How a cell looks and is called. `me`: a service and itself, when nobody calls. */
export type Look = 'allowed' | 'unused' | 'denied' | 'everyone' | 'undeclared' | 'open' | 'closed' | 'me';

export const LOOKS: Record<Look, { tone: Tone; word: string; legend: string; className: string }> = {
  allowed: { tone: 'ok', word: 'Allowed', legend: 'Allowed', className: 'al' },
  unused: { tone: 'ok', word: 'Allowed, unused', legend: 'Allowed, unused', className: 'un' },
  denied: { tone: 'deny', word: 'Denied, still trying', legend: 'Denied, still trying', className: 'dn' },
  everyone: {
    tone: 'warn',
    word: 'Let in by a rule for everyone',
    legend: 'Let in by a rule for everyone',
    className: 'ob',
  },
  undeclared: { tone: 'warn', word: 'Let in because no policy speaks', legend: 'No policy speaks', className: 'ob' },
  open: { tone: 'idle', word: 'Open, unused', legend: 'Open, unused', className: 'op' },
  closed: { tone: 'idle', word: 'Not allowed', legend: 'Not allowed', className: 'no' },
  me: { tone: 'idle', word: 'Same service', legend: 'Same service', className: 'me' },
};

/** What wants to be seen first. */
const ATTENTION: Look[] = ['denied', 'undeclared', 'everyone', 'allowed', 'unused', 'open', 'me', 'closed'];

export function lookOf(cell: AccessCell): Look {
  if (cell.state === 'denied') {
    if (cell.denied > 0 || cell.requests > 0) return 'denied';
    return cell.caller === cell.service ? 'me' : 'closed';
  }
  if (cell.state === 'allowed') return cell.everyone ? 'everyone' : 'allowed';
  if (cell.caller === cell.service && cell.state === 'open') return 'me';
  return cell.state;
}

export function attentionFirst(cells: AccessCell[]): AccessCell[] {
  const rank = (cell: AccessCell) => ATTENTION.indexOf(lookOf(cell));
  return [...cells].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      b.denied - a.denied ||
      b.requests - a.requests ||
      `${a.caller} ${a.service}`.localeCompare(`${b.caller} ${b.service}`),
  );
}

export function secondsOf(matrix: Pick<AccessMatrix, 'from' | 'to'>): number {
  return Math.max((Date.parse(matrix.to) - Date.parse(matrix.from)) / 1000, 1);
}

/** The one value in a cell: how often, or the word for why not. */
export function factOf(cell: AccessCell, seconds: number): string {
  const look = lookOf(cell);
  if (look === 'denied') return rate((cell.denied || cell.requests) / seconds);
  if (look === 'unused') return cell.access === 'partly' ? 'partly' : 'unused';
  if (look === 'open') return 'open';
  if (look === 'closed' || look === 'me') return '';
  return rate(Math.max(cell.requests - cell.denied, 0) / seconds);
}

/** A cell as it is read out. */
export function sayCell(cell: AccessCell, seconds: number): string {
  const fact = factOf(cell, seconds);
  const some = cell.access === 'partly' ? ', some requests only' : '';
  const how = /\d/.test(fact) ? `, ${fact}` : '';
  return `${shortName(cell.caller)} to ${shortName(cell.service)}: ${LOOKS[lookOf(cell)].word}${some}${how}`;
}

/** "AuthorizationPolicy shop/payments-callers" -> "payments-callers". */
export function documentShort(document: string): string {
  return document.split('/').pop() ?? document;
}

/** "spiffe://cluster.local/ns/shop/sa/web" -> "shop/web", as people say it. */
export function identityShort(identity: string): string {
  const match = /\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(identity);
  return match ? `${match[1]}/${match[2]}` : identity;
}

export interface Worth {
  key: string;
  tone: Tone;
  title: string;
  says: string;
  action: { word: string; caller?: string; service: string; kind: 'ask' | 'suggest' };
}

/** Findings above what can be seen in the matrix: denied first, then what is let in by nobody's decision. */
export function worthALook(cells: AccessCell[]): { findings: Worth[]; unused: AccessCell[] } {
  const findings = attentionFirst(cells).flatMap((cell): Worth[] => {
    const title = `${shortName(cell.caller)} → ${shortName(cell.service)}`;
    const key = `${cell.caller} ${cell.service}`;
    const pair = { caller: cell.caller, service: cell.service };
    switch (lookOf(cell)) {
      case 'denied':
        return [
          {
            key,
            tone: 'deny',
            title,
            says: `${(cell.denied || cell.requests).toLocaleString('en-US')} calls denied: ${cell.reason}`,
            action: { word: 'Decide', kind: 'ask', ...pair },
          },
        ];
      case 'everyone':
        return [
          {
            key,
            tone: 'warn',
            title,
            says: `${cell.reason}, and lets in every caller`,
            action: { word: 'Narrow the rule', kind: 'suggest', service: cell.service },
          },
        ];
      case 'undeclared':
        return [
          {
            key,
            tone: 'warn',
            title,
            says: cell.reason,
            action: { word: 'Suggest a policy', kind: 'suggest', service: cell.service },
          },
        ];
      default:
        return [];
    }
  });
  const unused = cells.filter((cell) => lookOf(cell) === 'unused');
  return { findings, unused };
}

import type { Proxy, ProxyType, XdsType } from '@/api/types';
import { plural, shortName, span } from '@/ui/format';
import type { Tone } from '@/ui/state';

/** A certificate lives a day and renews itself at half its life; less than this means that renewing fails. */
export const SOON = 6 * 3_600_000;

export const TYPES: XdsType[] = ['Clusters', 'Endpoints', 'Listeners', 'Routes', 'Secrets'];

export const TYPE_SAYS: Record<XdsType, string> = {
  Clusters: 'CDS: the services it can call',
  Endpoints: 'EDS: the addresses behind each service',
  Listeners: 'LDS: the ports it answers on',
  Routes: 'RDS: which call goes where',
  Secrets: 'SDS: certificates and trust bundles',
};

export const STATE_WORDS: Record<Proxy['state'], { tone: Tone; word: string }> = {
  joining: { tone: 'go', word: 'Joining' },
  synced: { tone: 'ok', word: 'Live' },
  pending: { tone: 'go', word: 'Catching up' },
  rejected: { tone: 'bad', word: 'Refused' },
  disconnected: { tone: 'away', word: 'Not connected' },
};

export const TYPE_WORDS: Record<ProxyType['state'], { tone: Tone; word: string }> = {
  synced: { tone: 'ok', word: 'Runs what was sent' },
  pending: { tone: 'go', word: 'Sent, not answered yet' },
  rejected: { tone: 'bad', word: 'Refused' },
  unsent: { tone: 'idle', word: 'Not sent yet' },
};

export const HEALTH_WORDS: Record<Proxy['health']['state'], { tone: Tone; word: string }> = {
  healthy: { tone: 'ok', word: 'Healthy' },
  unhealthy: { tone: 'bad', word: 'Failing' },
  unknown: { tone: 'unknown', word: 'Unknown' },
};

const ORDER: Proxy['state'][] = ['rejected', 'disconnected', 'pending', 'joining', 'synced'];

export function certificateEndsSoon(proxy: Proxy, now: number): boolean {
  return proxy.certificate !== null && Date.parse(proxy.certificate.expiresAt) - now < SOON;
}

/** What needs a look comes first, then the name. */
export function attentionFirst(proxies: Proxy[], now: number): Proxy[] {
  const rank = (proxy: Proxy) => ORDER.indexOf(proxy.state) * 2 + (certificateEndsSoon(proxy, now) ? 0 : 1);
  return [...proxies].sort((a, b) => rank(a) - rank(b) || a.id.localeCompare(b.id));
}

export function matches(proxy: Proxy, needle: string): boolean {
  const hay = [
    proxy.id,
    proxy.bind,
    proxy.appAddress,
    proxy.gateway,
    proxy.workloadGroup,
    proxy.identity,
    ...proxy.services,
  ];
  return hay.some((text) => text.toLowerCase().includes(needle.toLowerCase()));
}

function parts(proxy: Proxy, state: ProxyType['state']): string {
  return proxy.types
    .filter((each) => each.state === state)
    .map((each) => each.type.toLowerCase())
    .join(' and ');
}

/** The one sentence an operator would say aloud about this proxy. */
export function sentence(proxy: Proxy, now: number): string {
  const runs =
    proxy.liveRevision === null ? 'It runs nothing yet.' : `It keeps running revision ${proxy.liveRevision}.`;
  switch (proxy.state) {
    case 'rejected':
      return `Envoy refused the ${parts(proxy, 'rejected') || 'newest revision'} of revision ${proxy.wantedRevision ?? '?'}. ${runs}`;
    case 'disconnected':
      return `${proxy.name} is not connected${proxy.lastSeen ? `, last seen ${span(now - Date.parse(proxy.lastSeen))} ago` : ''}. ${runs}`;
    case 'pending':
      return `Revision ${proxy.wantedRevision ?? '?'} is on its way; ${parts(proxy, 'pending') || 'Envoy'} not answered yet. ${runs}`;
    case 'joining':
      return `${proxy.name} joined and has not run a revision in full yet.`;
    case 'synced':
      return `${proxy.name} runs everything of revision ${proxy.liveRevision ?? '?'} and serves ${
        proxy.services.length ? proxy.services.map(shortName).join(', ') : plural(0, 'service')
      }.`;
  }
}

import type { Proxy, Topology } from '@/api/types';
import { edgeId } from '@/features/topology/model';
import { certificateEndsSoon, sentence as proxySentence } from '@/features/proxies/words';
import { duration, figure, percent, rate, shortName, until } from '@/ui/format';

/** Where the answer is: never a list, always the thing itself. */
export type Goal =
  | { page: 'edge'; edge: string }
  | { page: 'service'; id: string }
  | { page: 'proxy'; id: string }
  | { page: 'access'; from: string; to: string };

export interface Item {
  key: string;
  tone: 'bad' | 'deny' | 'warn';
  title: string;
  cause: string;
  since: string | null;
  action: string;
  goal: Goal;
}

function fromEdges(topology: Topology): Item[] {
  const items: Item[] = [];
  for (const edge of topology.edges) {
    const [from, to] = [shortName(edge.source), shortName(edge.destination)];
    const goal = { page: 'edge', edge: edgeId(edge) } as const;
    if (edge.health === 'bad') {
      items.push({
        key: goal.edge,
        tone: 'bad',
        title: `${from} → ${to} is failing`,
        cause: `${percent(edge.errorRate)} of ${rate(edge.rps)} end in an error, p95 ${duration(edge.p95)}.`,
        since: null,
        action: 'Show calls',
        goal,
      });
    } else if (edge.health === 'deny') {
      items.push({
        key: goal.edge,
        tone: 'deny',
        title: `${from} is denied at ${to}`,
        cause: `${figure(edge.denied)} calls a second are denied. A policy of ${to} does not let this caller in.`,
        since: null,
        action: 'Decide',
        goal: { page: 'access', from: edge.source, to: edge.destination },
      });
    } else if (edge.health === 'warn') {
      items.push({
        key: goal.edge,
        tone: 'warn',
        title: `${from} → ${to} is degraded`,
        cause: `${edge.reason || `${percent(edge.errorRate)} errors`} at ${rate(edge.rps)}.`,
        since: null,
        action: 'Show calls',
        goal,
      });
    }
  }
  return items;
}

/** A service with sick workloads, where no failing pair says it already. */
function fromNodes(topology: Topology): Item[] {
  return topology.nodes
    .filter((node) => node.kind === 'service' && (node.health === 'bad' || node.health === 'warn'))
    .filter(
      (node) =>
        !topology.edges.some(
          (edge) => edge.destination === node.id && (edge.health === 'bad' || edge.health === 'warn'),
        ),
    )
    .map((node) => ({
      key: node.id,
      tone: node.health === 'bad' ? 'bad' : 'warn',
      title: `${node.name} is ${node.health === 'bad' ? 'failing' : 'degraded'}`,
      cause: node.reason
        ? `${node.reason}.`
        : `${node.workloads.healthy} of ${node.workloads.total} workloads are healthy.`,
      since: null,
      action: `Open ${node.name}`,
      goal: { page: 'service', id: node.id },
    }));
}

function fromProxies(proxies: Proxy[], now: number): Item[] {
  const items: Item[] = [];
  for (const proxy of proxies) {
    const goal: Goal = { page: 'proxy', id: proxy.id };
    if (proxy.state === 'rejected') {
      const at = proxy.types.find((type) => type.state === 'rejected')?.at ?? null;
      items.push({
        key: `refused ${proxy.id}`,
        tone: 'bad',
        title: `${proxy.name} refused revision ${proxy.wantedRevision ?? '?'}`,
        cause: proxySentence(proxy, now),
        since: at,
        action: 'Show cause',
        goal,
      });
    } else if (proxy.state === 'disconnected') {
      items.push({
        key: `away ${proxy.id}`,
        tone: 'warn',
        title: `${proxy.name} is not connected`,
        cause: 'Its calls keep running. Changes and certificates wait until it comes back.',
        since: proxy.lastSeen,
        action: 'Show proxy',
        goal,
      });
    }
    if (certificateEndsSoon(proxy, now) && proxy.certificate) {
      items.push({
        key: `certificate ${proxy.id}`,
        tone: 'warn',
        title: `The certificate of ${proxy.name} ends in ${until(proxy.certificate.expiresAt, now)}`,
        cause: 'It should have renewed itself by now.',
        since: null,
        action: 'Show proxy',
        goal,
      });
    }
    if (proxy.health.state === 'unhealthy') {
      items.push({
        key: `health ${proxy.id}`,
        tone: 'warn',
        title: `${proxy.name} fails its health check`,
        cause: proxy.health.reason || 'Calls go to the other workloads.',
        since: proxy.health.at,
        action: 'Show proxy',
        goal,
      });
    }
  }
  return items;
}

/** What needs a person now: failing calls, refused, denied, slow, ending soon. */
export function attention(topology: Topology | undefined, proxies: Proxy[] | undefined, now: number): Item[] {
  const items = [
    ...(topology ? [...fromEdges(topology), ...fromNodes(topology)] : []),
    ...fromProxies(proxies ?? [], now),
  ];
  const order = ['bad', 'deny', 'warn'];
  return items
    .map((item, index) => ({ item, index }))
    .sort((a, b) => order.indexOf(a.item.tone) - order.indexOf(b.item.tone) || a.index - b.index)
    .map(({ item }) => item);
}

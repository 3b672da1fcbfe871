import type {
  BackendRef,
  Edge,
  HttpRouteDocument,
  ParentRef,
  RouteRule,
  ServiceDocument,
  Topology,
  TopologyNode,
  Version,
} from '@/api/types';
import type { Tone } from '@/ui/state';

export function idOf(document: { metadata: { namespace?: string | null; name: string } }): string {
  return `${document.metadata.namespace ?? ''}/${document.metadata.name}`;
}

export interface ServiceRow {
  id: string;
  namespace: string;
  name: string;
  ports: number[];
  node: TopologyNode | undefined;
  /** Set when other services send calls here as one of their versions. */
  versionOf: { service: string; version: Version } | undefined;
  /** The highest p95 that any caller sees: percentiles of several callers cannot be added up. */
  p95: number | null;
}

export function slowestCaller(edges: Edge[], id: string): number | null {
  const seen = edges
    .filter((edge) => edge.destination === id)
    .map((edge) => edge.p95)
    .filter((value) => value !== null);
  return seen.length ? Math.max(...seen) : null;
}

function versionOf(topology: Topology | undefined, id: string): ServiceRow['versionOf'] {
  for (const node of topology?.nodes ?? []) {
    if (node.versions.length < 2 || node.id === id) continue;
    const version = node.versions.find((each) => each.service === id);
    if (version) return { service: node.id, version };
  }
  return undefined;
}

export function toRows(services: ServiceDocument[], topology: Topology | undefined): ServiceRow[] {
  return services.map((service) => {
    const id = idOf(service);
    const shared = versionOf(topology, id);
    return {
      id,
      namespace: service.metadata.namespace ?? '',
      name: service.metadata.name,
      ports: service.spec.ports.map((port) => port.port),
      node: topology?.nodes.find((node) => node.id === id),
      versionOf: shared,
      p95: slowestCaller(topology?.edges ?? [], id) ?? shared?.version.p95 ?? null,
    };
  });
}

const WORDS: Record<TopologyNode['health'], { tone: Tone; word: string }> = {
  ok: { tone: 'ok', word: 'Healthy' },
  warn: { tone: 'warn', word: 'Degraded' },
  bad: { tone: 'bad', word: 'Failing' },
  deny: { tone: 'deny', word: 'Denied' },
  idle: { tone: 'idle', word: 'No traffic' },
  unknown: { tone: 'unknown', word: 'Unknown' },
};

export function stateOf(row: Pick<ServiceRow, 'node' | 'versionOf'>): { tone: Tone; word: string } {
  if (row.node && row.node.health !== 'idle') return WORDS[row.node.health];
  // Calls that arrive under another service's name are traffic all the same.
  if (row.versionOf && row.versionOf.version.rps > 0) return WORDS.ok;
  return row.node ? WORDS.idle : WORDS.unknown;
}

const RANK: Tone[] = ['bad', 'warn', 'unknown', 'ok', 'idle'];

export function attentionFirst(rows: ServiceRow[]): ServiceRow[] {
  return [...rows].sort(
    (a, b) => RANK.indexOf(stateOf(a).tone) - RANK.indexOf(stateOf(b).tone) || a.id.localeCompare(b.id),
  );
}

function pointsTo(ref: ParentRef, namespace: string, service: string): boolean {
  return ref.kind === 'Service' && `${ref.namespace ?? namespace}/${ref.name}` === service;
}

/** The routes that decide where calls to this service go, oldest first: among equals the oldest wins. */
export function routesOf(routes: HttpRouteDocument[], service: string): HttpRouteDocument[] {
  return routes
    .filter((route) => route.spec.parentRefs.some((ref) => pointsTo(ref, route.metadata.namespace ?? '', service)))
    .sort((a, b) => Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp));
}

export function matchWords(rule: RouteRule): string {
  if (!rule.matches?.length) return 'every call';
  return rule.matches
    .map((match) => {
      const path = match.path
        ? `${match.path.value ?? '/'}${(match.path.type ?? 'PathPrefix') === 'PathPrefix' ? '*' : ''}`
        : '/*';
      const headers = (match.headers ?? []).map((header) => ` with ${header.name}: ${header.value}`).join('');
      return `${match.method ? `${match.method} ` : ''}${path}${headers}`;
    })
    .join(' or ');
}

export function share(backend: BackendRef, backends: BackendRef[]): number {
  const total = backends.reduce((sum, each) => sum + (each.weight ?? 1), 0);
  return total === 0 ? 0 : (backend.weight ?? 1) / total;
}

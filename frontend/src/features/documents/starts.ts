import type { Kind } from '@/api/kinds';
import type { AnyDocument, AuthoredDocument, ServiceDocument } from '@/api/types';

/** What people do most to a service: new documents that already name it. */
export const STARTS = [
  { plural: 'httproutes', title: 'Add a route', says: 'Match and split its calls, with timeouts and retries' },
  { plural: 'ratelimits', title: 'Limit requests', says: 'How often requests may come, in all or by caller' },
  {
    plural: 'destinationrules',
    title: 'Set retries and limits',
    says: 'Connections, requests and retries at a time; endpoints that fail are left out',
  },
] as const;

type Spec = (name: string, port: number) => object;

const SPECS: Record<(typeof STARTS)[number]['plural'], Spec> = {
  httproutes: (name, port) => ({
    parentRefs: [{ group: '', kind: 'Service', name, port }],
    rules: [{ backendRefs: [{ name, port, weight: 100 }] }],
  }),
  ratelimits: (name) => ({
    targetRefs: [{ kind: 'Service', name }],
    limits: [{ name: 'per-caller', requests: 100, per: '1s', by: [{ callerIdentity: true }] }],
  }),
  destinationrules: (name) => ({
    host: name,
    trafficPolicy: {
      connectionPool: { http: { http2MaxRequests: 200, http1MaxPendingRequests: 50, maxRetries: 3 } },
      outlierDetection: { consecutive5xxErrors: 5, interval: '10s', baseEjectionTime: '30s', maxEjectionPercent: 50 },
    },
  }),
};

/** "payments", or "payments-2" where that is taken: a start must not change what is there. */
export function freeName(base: string, taken: string[]): string {
  if (!taken.includes(base)) return base;
  let number = 2;
  while (taken.includes(`${base}-${number}`)) number++;
  return `${base}-${number}`;
}

/** A document of a kind that is about a service; null where that kind has no start. */
export function startFor(kind: Kind, service: ServiceDocument, others: AnyDocument[]): AuthoredDocument | null {
  const spec = STARTS.find(({ plural }) => plural === kind.plural);
  if (!spec) return null;
  const { name, namespace } = service.metadata;
  const taken = others.filter(({ metadata }) => metadata.namespace === namespace).map(({ metadata }) => metadata.name);
  return {
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    metadata: { name: freeName(name, taken), namespace },
    spec: SPECS[spec.plural](name, service.spec.ports[0]?.port ?? 80),
  };
}

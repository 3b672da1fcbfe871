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
  {
    plural: 'authorizationpolicies',
    title: 'Say who may call',
    says: 'Callers by their certificate; a service with an ALLOW policy lets in nobody else',
  },
] as const;

type Spec = (name: string, port: number, service: ServiceDocument, principal: string) => object;

const SPECS: Record<(typeof STARTS)[number]['plural'], Spec> = {
  httproutes: (name, port) => ({
    parentRefs: [{ group: '', kind: 'Service', name, port }],
    rules: [{ backendRefs: [{ name, port, weight: 100 }] }],
  }),
  authorizationpolicies: (_name, _port, service, principal) => ({
    selector: { matchLabels: service.spec.selector ?? {} },
    action: 'ALLOW',
    rules: [{ from: [{ source: { principals: [principal] } }], ...portsOf(service) }],
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

/** Policies look at the ports of workloads; one that is named by its workloads is not known here. */
function portsOf(service: ServiceDocument): object {
  const ports = service.spec.ports.map(({ port, targetPort }) => targetPort ?? port);
  if (ports.length === 0 || ports.some((port) => typeof port === 'string')) return {};
  return { to: [{ operation: { ports: ports.map(String) } }] };
}

/** "payments", or "payments-2" where that is taken: a start must not change what is there. */
export function freeName(base: string, taken: string[]): string {
  if (!taken.includes(base)) return base;
  let number = 2;
  while (taken.includes(`${base}-${number}`)) number++;
  return `${base}-${number}`;
}

/** "payments-callers", or "payments-from-cart": what a policy is for is the first thing that one wants to know of it. */
function baseName(kind: Kind, service: string, principal: string | undefined): string {
  if (kind.plural !== 'authorizationpolicies') return service;
  const account = principal?.split('/').pop();
  return account && /^[a-z0-9.-]+$/.test(account) ? `${service}-from-${account}` : `${service}-callers`;
}

/** A document of a kind that is about a service; null where that kind has no start. */
export function startFor(
  kind: Kind,
  service: ServiceDocument,
  others: AnyDocument[],
  principal?: string,
): AuthoredDocument | null {
  const spec = STARTS.find(({ plural }) => plural === kind.plural);
  if (!spec) return null;
  const { name, namespace } = service.metadata;
  const taken = others.filter(({ metadata }) => metadata.namespace === namespace).map(({ metadata }) => metadata.name);
  return {
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    metadata: { name: freeName(baseName(kind, name, principal), taken), namespace },
    spec: SPECS[spec.plural](
      name,
      service.spec.ports[0]?.port ?? 80,
      service,
      principal ?? `cluster.local/ns/${namespace}/sa/caller`,
    ),
  };
}

import { KINDS, type Kind } from '@/api/kinds';

const GROUPS: { title: string; has: (kind: Kind) => boolean }[] = [
  { title: 'Services and workloads', has: ({ key }) => /^(Namespace|Service|Workload)/.test(key) },
  {
    title: 'Routes and destinations',
    has: ({ key }) => /Route$|^VirtualService|^DestinationRule|^RateLimit|^HealthCheck|^Sidecar/.test(key),
  },
  { title: 'Gateways', has: ({ key }) => /Gateway$|^ReferenceGrant|^Secret/.test(key) },
  { title: 'Access', has: ({ key }) => /Authorization|Authentication/.test(key) },
];

/** Every kind stands in one group; what fits none is for the whole mesh. */
export function grouped(): { title: string; kinds: Kind[] }[] {
  const groups = [...GROUPS, { title: 'Whole mesh', has: () => true }];
  const taken = new Set<Kind>();
  const found = groups.map(({ title, has }) => {
    const kinds = KINDS.filter((kind) => !taken.has(kind) && has(kind));
    kinds.forEach((kind) => taken.add(kind));
    return { title, kinds };
  });
  return found.filter(({ kinds }) => kinds.length > 0);
}

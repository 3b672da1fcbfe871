import { useQuery } from '@tanstack/react-query';
import { queries } from '@/api/queries';
import type { ServicePort } from '@/api/types';
import type { Op, Path } from './edit';
import { get, listAt, pathOf, type Leaf, type Scope, type Source } from './table';
import { useTools } from './tools';

type PickLeaf = Extract<Leaf, { as: 'pick' }>;

interface Named {
  metadata: { name: string; namespace?: string | null };
}

const NOTHING: string[] = [];

/** As Istio reads it: a name without dots is one of this namespace. */
function home(host: string, namespace: string): [name: string, namespace: string] {
  const [name = '', where] = host.split('.');
  return [name, where ?? namespace];
}

/** Names as they are written here: those of other namespaces carry theirs. */
function shortest({ metadata }: Named, namespace: string): string {
  return metadata.namespace === namespace ? metadata.name : `${metadata.name}.${metadata.namespace}`;
}

function useHosts(wanted: boolean): string[] {
  const entries = useQuery({ ...queries.anyDocuments('serviceentries'), enabled: wanted });
  return wanted
    ? (entries.data ?? []).flatMap(({ spec }) => listAt(spec, 'hosts').filter((host) => typeof host === 'string'))
    : NOTHING;
}

function useNames(source: Source): string[] {
  const { namespace } = useTools();
  const plural = source === 'hosts' ? 'services' : source;
  const { data } = useQuery({ ...queries.anyDocuments(plural), enabled: source !== 'subsets' });
  const hosts = useHosts(source === 'hosts');
  const here = (document: Named) => document.metadata.namespace === namespace;
  const found: Named[] = source === 'subsets' ? [] : (data ?? []);
  if (source === 'namespaces') return found.map(({ metadata }) => metadata.name);
  // Gateways and Secrets are those of the namespace; Istio writes others with a slash, which the reader can type.
  const near = source === 'services' || source === 'hosts' ? found : found.filter(here);
  const names = [...near].sort((a, b) => Number(here(b)) - Number(here(a))).map((each) => shortest(each, namespace));
  return [...new Set([...names, ...hosts])];
}

export function usePorts(host: string, ownNamespace: string): ServicePort[] {
  const { namespace } = useTools();
  const { data } = useQuery(queries.documents('services'));
  return portsOf(data ?? [], host, ownNamespace || namespace);
}

function portsOf(
  services: (Named & { spec: { ports?: ServicePort[] } })[],
  host: string,
  namespace: string,
): ServicePort[] {
  const [name, where] = home(host, namespace);
  const found = services.find(({ metadata }) => metadata.name === name && metadata.namespace === where);
  return found?.spec.ports ?? [];
}

/**
 * What a name can be, and what choosing it writes. Where the namespace has a field of its own, "cart.shop" is written into
 * the two; a service with one port brings it along.
 */
export function usePick(leaf: PickLeaf, at: Path, scope: Scope, value: unknown) {
  const tools = useTools();
  const source = leaf.from(scope);
  const names = useNames(source);
  const services = useQuery(queries.documents('services')).data ?? [];
  const path = [...at, ...pathOf(leaf.at)];
  const where = leaf.also?.includes('namespace') ? [...at, 'namespace'] : null;
  const stands = where ? get(scope, 'namespace') : undefined;
  const name = value === undefined || value === null ? '' : String(value);
  const split = (typed: string): Op[] => {
    const [first = '', second] = where ? typed.split('.') : [typed];
    if (!where || !second) {
      const whole: Op = { do: 'set', path, to: where && second === undefined ? first : typed };
      return where && stands !== undefined ? [whole, { do: 'remove', path: where }] : [whole];
    }
    return [
      { do: 'set', path, to: first },
      { do: 'set', path: where, to: second },
    ];
  };
  const fill = (typed: string): Op[] => {
    if (leaf.fills === undefined || !names.includes(typed)) return [];
    const ports = portsOf(services, typed, tools.namespace);
    const now = get(scope, leaf.fills);
    const [only] = ports;
    if (!only || ports.length > 1 || ports.some(({ port }) => port === now)) return [];
    return [{ do: 'set', path: [...at, ...pathOf(leaf.fills)], to: only.port }];
  };
  return {
    options: source === 'subsets' ? tools.subsets(String(get(scope, 'destination.host') ?? '')) : names,
    shown: typeof stands === 'string' && stands ? `${name}.${stands}` : name,
    split,
    fill,
  };
}

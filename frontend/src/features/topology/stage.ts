import type { Mesh, Topology } from '@/api/types';

/** Why there is nothing to draw: the first stage of the way from a VM to a number that is missing. */
export type MissingStage = 'no-proxy' | 'not-connected' | 'not-reporting' | 'no-calls';

export function missingStage(topology: Topology, mesh: Mesh | undefined): MissingStage | null {
  if (topology.edges.some((edge) => edge.requests > 0 || edge.denied > 0)) return null;
  if (mesh?.proxies.total === 0) return 'no-proxy';
  if (topology.connected === 0) return 'not-connected';
  if (topology.reporting === 0) return 'not-reporting';
  return 'no-calls';
}

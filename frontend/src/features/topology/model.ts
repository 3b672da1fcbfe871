import type { Edge, Topology, TopologyNode } from '@/api/types';
import { duration, percent, plural, rate, shortName } from '@/ui/format';

export type Preset = 'traffic' | 'errors' | 'security';
export type NodeTone = TopologyNode['health'];
export type EdgeTone = Edge['health'];

export interface GraphNode {
  id: string;
  group: string;
  name: string;
  /** The one fact that matters. */
  fact: string;
  tone: NodeTone;
  shape: 'service' | 'unknown' | 'noproxy';
  width: number;
  height: number;
  /** Wanted shares, for the bar in the node's foot; empty when nothing is split. */
  shares: number[];
}

export interface GraphEdge {
  id: string;
  source: string;
  target: string;
  label: string;
  tone: EdgeTone;
  width: number;
  lock: 'open' | 'closed' | null;
  rps: number;
}

export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
}

/** What the layout depends on. Numbers are not in it: they change every five seconds, positions must not. */
export interface LayoutInput {
  nodes: { id: string; group: string; width: number; height: number }[];
  edges: [source: string, target: string][];
}

export const LABELS_UP_TO = 40;
export const NODES_UP_TO = 80;

export function edgeId(edge: { source: string; destination: string }): string {
  return `${edge.source}~${edge.destination}`;
}

export function edgeWidth(rps: number): number {
  return Math.min(6, 1.1 + 1.45 * Math.log10(rps + 1));
}

export function isAbnormal(edge: Pick<Edge, 'health'>): boolean {
  return edge.health === 'warn' || edge.health === 'bad' || edge.health === 'deny';
}

function edgeLabel(edge: Edge, preset: Preset): string {
  if (edge.health === 'deny') return `denied ${rate(edge.denied)}`;
  if (edge.health === 'bad' || edge.health === 'warn') return edge.reason || percent(edge.errorRate);
  if (preset === 'errors') return edge.requests ? percent(edge.errorRate) : '';
  return edge.rps > 0 ? rate(edge.rps) : '';
}

function lockOf(edge: Edge, preset: Preset): GraphEdge['lock'] {
  if (edge.mtls === false) return 'open';
  return preset === 'security' && edge.mtls === true ? 'closed' : null;
}

function factOf(node: TopologyNode, edges: Edge[]): string {
  if ((node.health === 'bad' || node.health === 'warn') && node.reason) return node.reason;
  if (node.versions.length > 1) {
    return node.versions.map((version) => `${version.label} ${percent(version.weight)}`).join(' · ');
  }
  if (node.kind === 'unknown') return 'unknown caller';
  if (node.rps > 0) return rate(node.rps);
  const out = edges.filter((edge) => edge.source === node.id);
  const denied = out.filter((edge) => edge.health === 'deny');
  if (denied.length && denied.length === out.length) return `denied at ${shortName(denied[0]?.destination ?? '')}`;
  const sent = out.reduce((sum, edge) => sum + edge.rps, 0);
  if (sent > 0) return `calls ${rate(sent)}`;
  if (node.workloads.total === 0) return 'no workload';
  if (node.workloads.connected === 0) return 'not connected';
  return 'no calls';
}

function widthOf(name: string, fact: string): number {
  return Math.round(Math.max(96, name.length * 7.4 + 30, fact.length * 6.2 + 26));
}

function toNode(node: TopologyNode, edges: Edge[]): GraphNode {
  const fact = factOf(node, edges);
  const split = node.versions.length > 1;
  const noproxy = node.kind !== 'unknown' && node.workloads.total > 0 && node.workloads.connected === 0;
  return {
    id: node.id,
    group: node.kind === 'unknown' ? '' : node.namespace,
    name: node.name,
    fact,
    tone: node.health,
    shape: node.kind === 'unknown' ? 'unknown' : noproxy ? 'noproxy' : 'service',
    width: widthOf(node.name, fact),
    height: split ? 54 : 46,
    shares: split ? node.versions.map((version) => version.weight) : [],
  };
}

/** A service that is only called as a version of another stands in that one's node, and needs none of its own. */
function drawn(topology: Topology): TopologyNode[] {
  const busy = new Set(topology.edges.flatMap((edge) => [edge.source, edge.destination]));
  const versions = new Set(
    topology.nodes.flatMap((node) => node.versions.map((version) => version.service).filter((id) => id !== node.id)),
  );
  return topology.nodes.filter((node) => busy.has(node.id) || !versions.has(node.id));
}

/** The picture of a topology, in an order that depends on names alone. */
export function toGraph(topology: Topology, preset: Preset): Graph {
  const nodes = drawn(topology);
  const known = new Set(nodes.map((node) => node.id));
  const edges = topology.edges.filter((edge) => known.has(edge.source) && known.has(edge.destination));
  const quiet = edges.length > LABELS_UP_TO;
  return {
    nodes: nodes.map((node) => toNode(node, edges)).sort(byId),
    edges: edges
      .map((edge) => ({
        id: edgeId(edge),
        source: edge.source,
        target: edge.destination,
        label: quiet && !isAbnormal(edge) ? '' : edgeLabel(edge, preset),
        tone: edge.health,
        width: edgeWidth(edge.rps),
        lock: lockOf(edge, preset),
        rps: edge.rps,
      }))
      .sort(byId),
  };
}

function byId(a: { id: string }, b: { id: string }): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

export function layoutInput(graph: Graph): LayoutInput {
  return {
    nodes: graph.nodes.map(({ id, group, width, height }) => ({ id, group, width, height })),
    edges: graph.edges.filter(({ source, target }) => source !== target).map(({ source, target }) => [source, target]),
  };
}

export type Positions = Record<string, { x: number; y: number }>;

/** Where everything is; `via`: the points that edges over several columns go through, by edge. */
export interface Picture {
  positions: Positions;
  via: Record<string, { x: number; y: number }[]>;
}

/** New nodes come in next to their caller (or callee), on free ground; those already there do not move. */
export function placeNew(known: Positions, input: LayoutInput): Positions {
  const positions: Positions = {};
  for (const { id } of input.nodes) if (known[id]) positions[id] = known[id];
  const rightmost = Math.max(0, ...Object.values(positions).map(({ x }) => x));
  for (const { id } of input.nodes) {
    if (positions[id]) continue;
    const caller = input.edges.find(([source, target]) => target === id && positions[source])?.[0];
    const callee = input.edges.find(([source, target]) => source === id && positions[target])?.[1];
    const from = (caller && positions[caller]) || undefined;
    const to = (callee && positions[callee]) || undefined;
    const at = from ? { x: from.x + 220, y: from.y } : to ? { x: to.x - 220, y: to.y } : { x: rightmost + 220, y: 0 };
    while (Object.values(positions).some(({ x, y }) => Math.abs(x - at.x) < 150 && Math.abs(y - at.y) < 70)) at.y += 84;
    positions[id] = at;
  }
  return positions;
}

/** The part of the mesh within some hops of one service, in both directions. */
export function within(topology: Topology, focus: string | undefined, hops: number): Topology {
  if (!focus || !topology.nodes.some((node) => node.id === focus)) return topology;
  const near = new Set([focus]);
  for (let hop = 0; hop < hops; hop++) {
    const border = topology.edges.filter((edge) => near.has(edge.source) || near.has(edge.destination));
    for (const edge of border) near.add(edge.source).add(edge.destination);
  }
  return {
    ...topology,
    nodes: topology.nodes.filter((node) => near.has(node.id)),
    edges: topology.edges.filter((edge) => near.has(edge.source) && near.has(edge.destination)),
  };
}

/** The one sentence about an edge. Says only what was counted. */
export function edgeSentence(edge: Edge): string {
  const [from, to] = [shortName(edge.source), shortName(edge.destination)];
  if (edge.health === 'deny') {
    // The caller counts what was denied among its requests; a tenth is what the two sides may differ by.
    const passing = edge.rps - edge.denied;
    const alsoPasses = passing > 0.1 * edge.rps ? ` ${rate(passing)} pass.` : '';
    return `${to} denies ${rate(edge.denied)} of the calls of ${from}. A policy did its job; nothing is broken.${alsoPasses}`;
  }
  if (edge.requests === 0) return `${from} did not call ${to} in this time.`;
  if (edge.errors > 0 && edge.health === 'bad') {
    return `1 call in ${Math.max(1, Math.round(1 / edge.errorRate))} of ${from} to ${to} fails.`;
  }
  if (edge.health === 'warn') {
    return `${from} gets answers from ${to}, ${edge.reason || `with ${percent(edge.errorRate)} errors`}.`;
  }
  if (edge.health === 'unknown') return `${plural(edge.requests, 'call')} of ${from} to ${to}: too few to judge.`;
  return `${from} calls ${to} ${rate(edge.rps)}; 95 of 100 answers take ${duration(edge.p95)} or less.`;
}

export const TONE_WORDS = {
  ok: 'Healthy',
  warn: 'Degraded',
  bad: 'Failing',
  deny: 'Denied',
  idle: 'No traffic',
  unknown: 'Unknown',
} as const;

import { Graph, layout } from '@dagrejs/dagre';
import type { LayoutInput, Picture, Positions } from './model';

/** Left to right in the direction of calls, namespaces kept together. The same input gives the same picture. */
export function layOut({ nodes, edges }: LayoutInput): Picture {
  const graph = new Graph({ compound: true });
  graph.setGraph({ rankdir: 'LR', nodesep: 44, ranksep: 104, marginx: 20, marginy: 20 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, group, width, height } of nodes) {
    graph.setNode(id, { width, height });
    if (!group) continue;
    graph.setNode(`group ${group}`, {});
    graph.setParent(id, `group ${group}`);
  }
  for (const [source, target] of edges) graph.setEdge(source, target);
  layout(graph);
  const positions: Positions = {};
  for (const { id } of nodes) {
    const { x, y } = graph.node(id);
    positions[id] = { x: Math.round(x ?? 0), y: Math.round(y ?? 0) };
  }
  // An edge to the next column has one point of its own; longer ones have more, in the gaps between other services.
  const via: Picture['via'] = {};
  for (const [source, target] of edges) {
    const points: { x: number; y: number }[] = graph.edge(source, target).points ?? [];
    if (points.length > 3)
      via[`${source}~${target}`] = points.slice(1, -1).map(({ x, y }) => ({ x: Math.round(x), y: Math.round(y) }));
  }
  return { positions, via };
}

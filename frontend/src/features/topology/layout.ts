import { Graph, layout } from '@dagrejs/dagre';
import type { LayoutInput, Positions } from './model';

/** Left to right in the direction of calls, namespaces kept together. The same input gives the same picture. */
export function layOut({ nodes, edges }: LayoutInput): Positions {
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
  return positions;
}

import type { Core, NodeSingular } from 'cytoscape';
import { bends, controls } from './curve';
import type { Graph, GraphEdge, Picture } from './model';

/** How an edge bends between where its two ends are now. */
function bendData(graph: Graph, { positions, via }: Picture, { id, source, target }: GraphEdge) {
  const [from, to] = [positions[source], positions[target]];
  const width = (node: string) => graph.nodes.find((each) => each.id === node)?.width ?? 0;
  if (!from || !to) return {};
  const start = { x: from.x + width(source) / 2, y: from.y };
  const end = { x: to.x - width(target) / 2, y: to.y };
  const points = controls(start, end, via[id]);
  const found = bends(start, end, points);
  return found ? { points, cpd: found.distances, cpw: found.weights } : { points };
}

/** Brings the drawing to what the graph says now; what did not change is not touched. */
export function sync(cy: Core, graph: Graph, picture: Picture) {
  const { positions } = picture;
  const groups = [...new Set(graph.nodes.map((node) => node.group).filter(Boolean))];
  const wanted = new Set([
    ...groups.map((group) => `group ${group}`),
    ...graph.nodes.map(({ id }) => id),
    ...graph.edges.map(({ id }) => id),
  ]);
  cy.batch(() => {
    for (const group of groups) {
      if (cy.getElementById(`group ${group}`).empty())
        cy.add({ data: { id: `group ${group}`, kind: 'group', name: group } });
    }
    for (const node of graph.nodes) {
      const at = positions[node.id];
      if (!at) continue;
      const data = { ...node, kind: 'service', parent: node.group ? `group ${node.group}` : undefined };
      const known = cy.getElementById(node.id);
      if (known.empty()) cy.add({ data, position: { ...at } });
      else known.data(data).position(at);
    }
    for (const edge of graph.edges) {
      if (!positions[edge.source] || !positions[edge.target]) continue;
      const known = cy.getElementById(edge.id);
      if (known.empty()) cy.add({ data: { ...edge, ...bendData(graph, picture, edge) } });
      else known.removeData('cpd cpw').data({ ...edge, ...bendData(graph, picture, edge) });
    }
    cy.elements().forEach((element) => {
      if (!wanted.has(element.id())) element.remove();
    });
  });
}

/** The neighbour to go to with an arrow key: along calls left and right, to the nearest above or below. */
export function neighbour(cy: Core, id: string | null, key: string): string | null {
  const all = cy.nodes('[kind = "service"]');
  const here = id ? cy.getElementById(id) : cy.collection();
  if (here.empty()) return all.first().id() ?? null;
  if (key === 'ArrowRight') return here.outgoers('node').first().id() ?? id;
  if (key === 'ArrowLeft') return here.incomers('node').first().id() ?? id;
  const at = here.position() as { x: number; y: number };
  const sign = key === 'ArrowDown' ? 1 : -1;
  const beyond = all.filter((node) => (node.position().y - at.y) * sign > 4);
  const far = (node: NodeSingular) => Math.hypot(node.position().x - at.x, node.position().y - at.y);
  const nodes = beyond.toArray() as NodeSingular[];
  return nodes.sort((a, b) => far(a) - far(b))[0]?.id() ?? id;
}

export function fit(cy: Core) {
  if (cy.nodes().empty()) return;
  cy.fit(undefined, 48);
  // A small mesh need not fill the window: names larger than on every other page look odd.
  if (cy.zoom() > 1.15) {
    cy.zoom(1.15);
    cy.center();
  }
}

export function zoomBy(cy: Core, factor: number) {
  cy.zoom({ level: cy.zoom() * factor, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
}

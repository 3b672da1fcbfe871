import { useComputedColorScheme } from '@mantine/core';
import { useReducedMotion } from '@mantine/hooks';
import cytoscape, { type Core, type NodeSingular } from 'cytoscape';
import { LayoutGrid, Maximize, Minus, Plus } from 'lucide-react';
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { plural } from '@/ui/format';
import { bends, controls } from './curve';
import { layoutInput, type Graph, type GraphEdge, type Picture } from './model';
import { drawDots, drawStill } from './overlay';
import { readColours } from './palette';
import { stylesheet } from './stylesheet';
import { useLayout } from './useLayout';

interface Props {
  graph: Graph;
  chosenNode?: string;
  chosenEdge?: string;
  /** Edges that the reader looks for; the others are dimmed. Null: nothing is looked for. */
  found: ReadonlySet<string> | null;
  moving: boolean;
  onNode: (id: string) => void;
  onEdge: (id: string) => void;
  onNothing: () => void;
}

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
function sync(cy: Core, graph: Graph, picture: Picture) {
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

function useCytoscape(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [cy, setCy] = useState<Core | null>(null);
  const latest = useRef(props);
  useEffect(() => {
    latest.current = props;
  });
  useEffect(() => {
    const made = cytoscape({
      container: host.current,
      minZoom: 0.15,
      maxZoom: 2.2,
      autoungrabify: true,
      boxSelectionEnabled: false,
    });
    made.on('tap', 'node[kind = "service"]', (event) => latest.current.onNode(event.target.id()));
    made.on('tap', 'edge', (event) => latest.current.onEdge(event.target.id()));
    made.on('tap', (event) => {
      if (event.target === made) latest.current.onNothing();
    });
    made.on('mouseover', 'node[kind = "service"]', (event) => {
      const near = event.target.closedNeighborhood();
      made.elements('[kind = "service"], edge').not(near).addClass('dim');
    });
    made.on('mouseout', 'node[kind = "service"]', () => made.elements().removeClass('dim'));

    setCy(made);
    return () => made.destroy();
  }, []);
  return { host, cy };
}

function useDots(canvas: React.RefObject<HTMLCanvasElement | null>, cy: Core | null, wanted: boolean, scheme: string) {
  const reduced = useReducedMotion();
  useEffect(() => {
    const element = canvas.current;
    if (!cy || !element || !wanted || reduced) return undefined;
    const colours = readColours();
    let frame = 0;
    let last = 0;
    function draw(at: number) {
      frame = requestAnimationFrame(draw);
      // 30 frames a second are smooth enough for dots, and half the work.
      if (at - last < 32 || document.hidden || !element || !cy || cy.destroyed()) return;
      last = at;
      drawDots(element, cy, colours, at / 1000);
    }
    frame = requestAnimationFrame(draw);
    return () => {
      cancelAnimationFrame(frame);
      element.getContext('2d')?.reset();
    };
  }, [canvas, cy, wanted, reduced, scheme]);
}

/** The neighbour to go to with an arrow key: along calls left and right, to the nearest above or below. */
function neighbour(cy: Core, id: string | null, key: string): string | null {
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

export function GraphView(props: Props) {
  const { graph, chosenNode, chosenEdge, found, moving } = props;
  const { host, cy } = useCytoscape(props);
  const still = useRef<HTMLCanvasElement>(null);
  const dots = useRef<HTMLCanvasElement>(null);
  const scheme = useComputedColorScheme('light');
  const [focused, setFocused] = useState<string | null>(null);
  const input = useMemo(() => layoutInput(graph), [graph]);
  const { picture, generation, arrange } = useLayout(input);
  const fitted = useRef(0);

  useEffect(() => {
    if (!cy) return undefined;
    const colours = readColours();
    cy.style(stylesheet(colours));
    const draw = () => still.current && drawStill(still.current, cy, colours, focused);
    cy.on('render', draw);
    // The first pictures may be drawn before the font is there.
    void document.fonts?.ready.then(() => !cy.destroyed() && cy.forceRender());
    return () => void cy.off('render', draw);
  }, [cy, scheme, focused]);

  useEffect(() => {
    if (!cy || generation === 0) return;
    sync(cy, graph, picture);
    if (fitted.current === generation) return;
    fitted.current = generation;
    fit(cy);
  }, [cy, graph, picture, generation]);

  useEffect(() => {
    if (!cy) return;
    cy.batch(() => {
      cy.elements().removeClass('chosen dim');
      if (chosenNode) cy.getElementById(chosenNode).addClass('chosen');
      if (chosenEdge) cy.getElementById(chosenEdge).addClass('chosen').connectedNodes().addClass('chosen');
      if (found) {
        const kept = cy.edges().filter((edge) => found.has(edge.id()));
        cy.edges().not(kept).addClass('dim');
        cy.nodes('[kind = "service"]').not(kept.connectedNodes()).addClass('dim');
      }
    });
  }, [cy, chosenNode, chosenEdge, found, graph, picture]);

  useEffect(() => {
    const element = host.current;
    if (!cy || !element) return undefined;
    const observer = new ResizeObserver(() => {
      cy.resize();
      fit(cy);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [cy, host]);

  useDots(dots, cy, moving, scheme);

  function keys(event: KeyboardEvent) {
    if (!cy) return;
    if (event.key.startsWith('Arrow')) {
      event.preventDefault();
      setFocused(neighbour(cy, focused, event.key));
    } else if (event.key === 'Enter' && focused) {
      props.onNode(focused);
    }
  }
  const here = graph.nodes.find((node) => node.id === focused);
  return (
    <div className="graph">
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- an application is what takes keys */}
      <div
        className="graph-keys"
        role="application"
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- an application is what takes keys
        tabIndex={0}
        aria-label={`Graph of ${plural(graph.nodes.length, 'service')} and ${plural(graph.edges.length, 'pair')} that call each other. Arrows follow the calls, Enter opens. The table shows the same.`}
        onKeyDown={keys}
        onBlur={() => setFocused(null)}
      >
        <div ref={host} className="graph-host" />
        <canvas ref={dots} className="graph-over" aria-hidden />
        <canvas ref={still} className="graph-over" aria-hidden />
      </div>
      <p className="sr" aria-live="polite">
        {here ? `${here.name}, ${here.fact}` : ''}
      </p>
      <Legend />
      <div className="graph-zoom">
        <button type="button" className="btn ic" aria-label="Arrange anew" title="Arrange anew" onClick={arrange}>
          <LayoutGrid className="i s" aria-hidden />
        </button>
        <button type="button" className="btn ic" aria-label="Zoom out" onClick={() => cy && zoomBy(cy, 1 / 1.25)}>
          <Minus className="i s" aria-hidden />
        </button>
        <button type="button" className="btn ic" aria-label="Zoom in" onClick={() => cy && zoomBy(cy, 1.25)}>
          <Plus className="i s" aria-hidden />
        </button>
        <button type="button" className="btn ic" aria-label="Fit to window" onClick={() => cy && fit(cy)}>
          <Maximize className="i s" aria-hidden />
        </button>
      </div>
    </div>
  );
}

function fit(cy: Core) {
  if (cy.nodes().empty()) return;
  cy.fit(undefined, 48);
  // A small mesh need not fill the window: names larger than on every other page look odd.
  if (cy.zoom() > 1.15) {
    cy.zoom(1.15);
    cy.center();
  }
}

function zoomBy(cy: Core, factor: number) {
  cy.zoom({ level: cy.zoom() * factor, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
}

function Legend() {
  return (
    <div className="graph-legend sm two" aria-label="Legend" role="group">
      <span className="leg" style={{ ['--c' as string]: 'var(--edge)' }}>
        thicker = more requests
      </span>
      <span className="leg" style={{ ['--c' as string]: 'var(--warn-mark)' }}>
        Slow
      </span>
      <span className="leg" style={{ ['--c' as string]: 'var(--bad-mark)' }}>
        Failing
      </span>
      <span className="leg dashed" style={{ ['--c' as string]: 'var(--deny)' }}>
        Denied
      </span>
    </div>
  );
}

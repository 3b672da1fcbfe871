import { useReducedMotion } from '@mantine/hooks';
import cytoscape, { type Core } from 'cytoscape';
import { useEffect, useRef, useState, type RefObject } from 'react';
import { fit, sync } from './drawing';
import type { Graph, Picture } from './model';
import { drawDots, drawStill } from './overlay';
import { readColours } from './palette';
import { stylesheet } from './stylesheet';

export interface GraphProps {
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

export function useCytoscape(props: GraphProps) {
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

export function useDots(canvas: RefObject<HTMLCanvasElement | null>, cy: Core | null, wanted: boolean, scheme: string) {
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

/** The look, and what is drawn above it. */
export function useStill(
  still: RefObject<HTMLCanvasElement | null>,
  cy: Core | null,
  scheme: string,
  focused: string | null,
) {
  useEffect(() => {
    if (!cy) return undefined;
    const colours = readColours();
    cy.style(stylesheet(colours));
    const draw = () => still.current && drawStill(still.current, cy, colours, focused);
    cy.on('render', draw);
    // The first pictures may be drawn before the font is there.
    void document.fonts?.ready.then(() => !cy.destroyed() && cy.forceRender());
    return () => void cy.off('render', draw);
  }, [still, cy, scheme, focused]);
}

/** What is drawn follows the graph; the window is fitted when the picture as a whole is new. */
export function usePicture(cy: Core | null, graph: Graph, picture: Picture, generation: number) {
  const fitted = useRef(0);
  useEffect(() => {
    if (!cy || generation === 0) return;
    sync(cy, graph, picture);
    if (fitted.current === generation) return;
    fitted.current = generation;
    fit(cy);
  }, [cy, graph, picture, generation]);
}

/** What was chosen is marked, what was not looked for steps back. */
export function useChoice(cy: Core | null, { graph, chosenNode, chosenEdge, found }: GraphProps, picture: Picture) {
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
}

export function useResize(host: RefObject<HTMLDivElement | null>, cy: Core | null) {
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
}

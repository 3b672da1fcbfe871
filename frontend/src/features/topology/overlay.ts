import type { Core, EdgeSingular, NodeSingular } from 'cytoscape';
import { along, type Point } from './curve';
import type { GraphEdge, GraphNode } from './model';
import type { Colours } from './palette';

/** What Cytoscape has no style for: second lines, shares, badges, locks and the moving dots, on a canvas above it. */

function prepare(canvas: HTMLCanvasElement, cy: Core): CanvasRenderingContext2D | null {
  const context = canvas.getContext('2d');
  if (!context) return null;
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [cy.width(), cy.height()];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  const zoom = cy.zoom() * ratio;
  const pan = cy.pan();
  context.setTransform(zoom, 0, 0, zoom, pan.x * ratio, pan.y * ratio);
  return context;
}

function drawFact(context: CanvasRenderingContext2D, node: NodeSingular, c: Colours) {
  const { fact, tone } = node.data() as GraphNode;
  const { x, y } = node.position();
  const abnormal = tone === 'bad' || tone === 'warn';
  context.font = `${abnormal ? 600 : 400} 11px ${c.font}`;
  context.fillStyle = tone === 'bad' ? c.bad : tone === 'warn' ? c.warn : c['ink-2'];
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(fact, x, y + (node.height() > 50 ? 6 : 9));
}

function drawShares(context: CanvasRenderingContext2D, node: NodeSingular, c: Colours) {
  const { shares } = node.data() as GraphNode;
  if (shares.length === 0) return;
  const { x, y } = node.position();
  const width = node.width() - 16;
  let left = x - width / 2;
  shares.forEach((share, index) => {
    const part = Math.max(0, width * share - 1);
    context.fillStyle = c[`v${(index % 6) + 1}` as 'v1'];
    context.fillRect(left, y + node.height() / 2 - 9, part, 3);
    left += width * share;
  });
}

function drawBadge(context: CanvasRenderingContext2D, node: NodeSingular, c: Colours) {
  const { tone } = node.data() as GraphNode;
  if (tone !== 'bad' && tone !== 'warn') return;
  const x = node.position().x + node.width() / 2;
  const y = node.position().y - node.height() / 2;
  context.beginPath();
  context.arc(x, y, 9, 0, Math.PI * 2);
  context.fillStyle = tone === 'bad' ? c['bad-mark'] : c['warn-mark'];
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = c.canvas;
  context.stroke();
  context.strokeStyle = c.surface;
  context.lineWidth = 1.8;
  context.lineCap = 'round';
  context.beginPath();
  if (tone === 'bad') {
    context.moveTo(x - 3, y - 3);
    context.lineTo(x + 3, y + 3);
    context.moveTo(x + 3, y - 3);
    context.lineTo(x - 3, y + 3);
  } else {
    context.moveTo(x, y - 4);
    context.lineTo(x, y + 1);
    context.moveTo(x, y + 4);
    context.lineTo(x, y + 4.1);
  }
  context.stroke();
}

function ends(edge: EdgeSingular) {
  return { from: edge.sourceEndpoint(), to: edge.targetEndpoint(), points: (edge.data('points') ?? []) as Point[] };
}

function drawLock(context: CanvasRenderingContext2D, edge: EdgeSingular, c: Colours) {
  const { lock } = edge.data() as GraphEdge;
  if (!lock) return;
  const { from, to, points } = ends(edge);
  const { x, y } = along(from, to, points, 0.16);
  const colour = lock === 'open' ? c.warn : c['ink-2'];
  context.beginPath();
  context.arc(x, y, 8, 0, Math.PI * 2);
  context.fillStyle = c.surface;
  context.fill();
  context.lineWidth = 1;
  context.strokeStyle = lock === 'open' ? c['warn-line'] : c['line-2'];
  context.stroke();
  context.strokeStyle = colour;
  context.lineWidth = 1.2;
  context.strokeRect(x - 3.2, y - 0.6, 6.4, 4.4);
  context.beginPath();
  context.arc(x, y - 1, 2.2, Math.PI, lock === 'open' ? Math.PI * 1.75 : 0);
  context.stroke();
}

export function drawStill(canvas: HTMLCanvasElement, cy: Core, c: Colours, focused: string | null): void {
  const context = prepare(canvas, cy);
  if (!context) return;
  cy.edges().forEach((edge) => {
    context.globalAlpha = edge.hasClass('dim') ? 0.25 : 1;
    drawLock(context, edge, c);
  });
  cy.nodes('[kind = "service"]').forEach((node) => {
    context.globalAlpha = node.hasClass('dim') ? 0.25 : 1;
    drawFact(context, node, c);
    drawShares(context, node, c);
    drawBadge(context, node, c);
    if (node.id() !== focused) return;
    const { x1, y1, w, h } = node.boundingBox({ includeLabels: false, includeOverlays: false });
    context.lineWidth = 2;
    context.strokeStyle = c.accent;
    context.strokeRect(x1 - 4, y1 - 4, w + 8, h + 8);
  });
}

const MOST_DOTS = 240;

/** Dots go along the edges; faster and more of them where there are more calls. `time` in seconds. */
export function drawDots(canvas: HTMLCanvasElement, cy: Core, c: Colours, time: number): void {
  const context = prepare(canvas, cy);
  if (!context) return;
  context.fillStyle = c['edge-strong'];
  let drawn = 0;
  cy.edges().forEach((edge) => {
    const { rps, tone, label } = edge.data() as GraphEdge;
    if (rps <= 0 || tone === 'deny' || drawn > MOST_DOTS) return;
    const { from, to, points } = ends(edge);
    const length = Math.hypot(to.x - from.x, to.y - from.y);
    if (!length) return;
    const weight = Math.log10(rps + 1);
    const count = Math.min(5, 1 + Math.round(weight * 1.6));
    const pace = (28 + 26 * weight) / length;
    context.globalAlpha = edge.hasClass('dim') ? 0.15 : 0.9;
    for (let index = 0; index < count; index++) {
      const share = (time * pace + index / count) % 1;
      // Under its label an edge is not seen, and neither are its dots.
      if (label && Math.abs(share - 0.5) * length < label.length * 3.4 + 6) continue;
      const { x, y } = along(from, to, points, share);
      context.beginPath();
      context.arc(x, y, 2.2, 0, Math.PI * 2);
      context.fill();
      drawn++;
    }
  });
}

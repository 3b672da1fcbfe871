export interface Point {
  x: number;
  y: number;
}

/** How an edge bends, in Cytoscape's terms: shares along the straight line, and distances beside it. */
export interface Bends {
  weights: string;
  distances: string;
}

/**
 * Control points of an edge that leaves to the right and arrives from the left. `via` are the points that the layout
 * kept free for an edge that passes other columns. Empty: the straight line will do.
 */
export function controls(from: Point, to: Point, via: Point[] = []): Point[] {
  const dx = to.x - from.x;
  if (dx < 24) return [];
  const first = via[0];
  const last = via.at(-1);
  if (first && last) {
    return [{ x: (from.x + first.x) / 2, y: from.y }, ...via, { x: (last.x + to.x) / 2, y: to.y }];
  }
  if (Math.abs(to.y - from.y) < 2) return [];
  const middle = (from.x + to.x) / 2;
  return [
    { x: middle, y: from.y },
    { x: middle, y: to.y },
  ];
}

export function bends(from: Point, to: Point, points: Point[]): Bends | null {
  if (points.length === 0) return null;
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length = Math.hypot(dx, dy);
  const along = points.map(({ x, y }) => ((x - from.x) * dx + (y - from.y) * dy) / (length * length));
  const beside = points.map(({ x, y }) => ((y - from.y) * dx - (x - from.x) * dy) / length);
  return {
    weights: along.map((value) => value.toFixed(4)).join(' '),
    distances: beside.map((value) => value.toFixed(2)).join(' '),
  };
}

function quadratic(a: Point, b: Point, c: Point, t: number): Point {
  const u = 1 - t;
  return { x: u * u * a.x + 2 * u * t * b.x + t * t * c.x, y: u * u * a.y + 2 * u * t * b.y + t * t * c.y };
}

function between(a: Point, b: Point, t: number): Point {
  return { x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t };
}

/** The point at share t (0..1) of the way, on the curve that Cytoscape draws through these control points. */
export function along(from: Point, to: Point, points: Point[], t: number): Point {
  const count = points.length;
  if (count === 0) return between(from, to, t);
  const piece = Math.min(count - 1, Math.floor(t * count));
  const control = points[piece] ?? to;
  const before = points[piece - 1];
  const after = points[piece + 1];
  const start = before ? between(before, control, 0.5) : from;
  const end = after ? between(control, after, 0.5) : to;
  return quadratic(start, control, end, t * count - piece);
}

export interface Point {
  x: number;
  y: number;
}

export interface Curve {
  distances: string;
  weights: string;
}

/**
 * Control points of a curve that leaves to the right and arrives from the left, in Cytoscape's terms: how far along the
 * straight line (weight) and how far beside it (distance). Null when the target is not to the right.
 */
export function curveBetween(from: Point, to: Point): Curve | null {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  if (dx < 24 || Math.abs(dy) < 2) return null;
  const square = dx * dx + dy * dy;
  const weight = (dx * dx) / (2 * square);
  const distance = (dx * dy) / (2 * Math.sqrt(square));
  return {
    distances: `${(-distance).toFixed(2)} ${distance.toFixed(2)}`,
    weights: `${weight.toFixed(4)} ${(1 - weight).toFixed(4)}`,
  };
}

function quadratic(a: Point, b: Point, c: Point, t: number): Point {
  const u = 1 - t;
  return { x: u * u * a.x + 2 * u * t * b.x + t * t * c.x, y: u * u * a.y + 2 * u * t * b.y + t * t * c.y };
}

/** The point at share t (0..1) of the way, on the same curve as the one drawn. */
export function along(from: Point, to: Point, curved: boolean, t: number): Point {
  if (!curved) return { x: from.x + (to.x - from.x) * t, y: from.y + (to.y - from.y) * t };
  const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  const first = { x: middle.x, y: from.y };
  const second = { x: middle.x, y: to.y };
  return t < 0.5 ? quadratic(from, first, middle, t * 2) : quadratic(middle, second, to, t * 2 - 1);
}

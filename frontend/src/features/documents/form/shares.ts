import { get, type Rows, type Scope } from './table';

/** How calls are shared among the rows of a list: weight over the sum of weights. A single row takes them all. */
export function sharesOf(shares: NonNullable<Rows['shares']>, rows: Scope[]) {
  const weights = rows.map((row) => {
    const weight = get(row, shares.weight);
    return typeof weight === 'number' && weight >= 0 ? weight : weight === undefined ? shares.fallback : 0;
  });
  const written = weights.reduce((sum, weight) => sum + weight, 0);
  const alone = rows.length === 1 && shares.fallback === 0;
  return {
    sum: written,
    parts: rows.map((row, index) => ({
      name: shares.name(row) || 'unnamed',
      share: alone ? 1 : written > 0 ? (weights[index] ?? 0) / written : 0,
    })),
  };
}

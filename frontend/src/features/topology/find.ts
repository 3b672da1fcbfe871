import type { Edge } from '@/api/types';

type Test = (edge: Edge) => boolean;

const NUMBERS: Record<string, (edge: Edge) => number> = {
  errors: (edge) => edge.errorRate * 100,
  rate: (edge) => edge.rps,
  p50: (edge) => edge.p50 ?? 0,
  p95: (edge) => edge.p95 ?? 0,
  p99: (edge) => edge.p99 ?? 0,
};

const WORDS: Record<string, Test> = {
  denied: (edge) => edge.denied > 0,
  failing: (edge) => edge.health === 'bad',
  slow: (edge) => edge.health === 'warn',
  plain: (edge) => edge.mtls === false,
  'not encrypted': (edge) => edge.mtls === false,
};

function testOf(term: string): Test {
  const comparison = /^(\w+)\s*(<=|>=|<|>)\s*([\d.]+)\s*(?:%|ms|\/s)?$/.exec(term);
  const value = comparison && NUMBERS[comparison[1] ?? ''];
  if (comparison && value) {
    const limit = Number(comparison[3]);
    const tests: Record<string, Test> = {
      '<': (edge) => value(edge) < limit,
      '<=': (edge) => value(edge) <= limit,
      '>': (edge) => value(edge) > limit,
      '>=': (edge) => value(edge) >= limit,
    };
    return tests[comparison[2] ?? ''] ?? (() => false);
  }
  return (
    WORDS[term] ?? ((edge) => edge.source.toLowerCase().includes(term) || edge.destination.toLowerCase().includes(term))
  );
}

/** `errors > 1 or denied`, `p95 > 300`, `checkout`: terms joined by `or`; a term that is no question is a name. */
export function parseFind(text: string): Test {
  const terms = text
    .toLowerCase()
    .split(/\s+or\s+/)
    .map((term) => term.trim())
    .filter(Boolean);
  if (terms.length === 0) return () => true;
  const tests = terms.map(testOf);
  return (edge) => tests.some((test) => test(edge));
}

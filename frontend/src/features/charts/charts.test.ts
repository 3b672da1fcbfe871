import { expect, it } from 'vitest';
import { series } from '@/test/fixtures';
import { sinceFirstReport, toColumns } from './TrafficCharts';

it('turns counts per step into rates and shares, and keeps gaps as gaps', () => {
  const { requests, errors } = toColumns({
    start: '2026-11-24T14:00:00Z',
    step: 30,
    points: [
      { at: '2026-11-24T14:00:00Z', requests: 60, errors: 3, denied: 0, p50: 1, p95: 2, p99: 3 },
      { at: '2026-11-24T14:00:30Z', requests: null, errors: null, denied: null, p50: null, p95: null, p99: null },
      { at: '2026-11-24T14:01:00Z', requests: 0, errors: 0, denied: 0, p50: null, p95: null, p99: null },
    ],
  });
  expect(requests).toEqual([2, null, 0]);
  expect(errors).toEqual([5, null, 0]);
});

it('begins with the first report of a young mesh, and keeps the whole hour of an old one', () => {
  const young = Array.from({ length: 120 }, (_, index) => ({ requests: index < 90 ? null : 5 }));
  expect(sinceFirstReport(young)).toHaveLength(31);
  expect(sinceFirstReport(series.points)).toBe(series.points);
});

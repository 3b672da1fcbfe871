import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { queries } from '@/api/queries';
import type { Series } from '@/api/types';
import { Chart, type Marker } from '@/ui/chart';
import { duration, figure } from '@/ui/format';
import { Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';

export interface Columns {
  times: number[];
  requests: (number | null)[];
  errors: (number | null)[];
  denied: (number | null)[];
  p50: (number | null)[];
  p95: (number | null)[];
  p99: (number | null)[];
}

/** A mesh that began a few minutes ago has no hour to show: its chart begins with its first report, or a little before. */
const AT_LEAST = 20;

export function sinceFirstReport<P extends { requests: number | null }>(points: P[]): P[] {
  const first = points.findIndex((point) => point.requests !== null);
  if (first < points.length / 2) return points;
  return points.slice(Math.max(0, Math.min(first - 1, points.length - AT_LEAST)));
}

/** Points of counts per step -> rates and shares. What was not reported stays a gap. */
export function toColumns({ points: all, step }: Series): Columns {
  const points = sinceFirstReport(all);
  const perSecond = (count: number | null) => (count === null ? null : count / step);
  return {
    times: points.map((point) => Date.parse(point.at)),
    requests: points.map((point) => perSecond(point.requests)),
    errors: points.map(({ requests, errors }) =>
      requests === null || errors === null ? null : requests === 0 ? 0 : (errors / requests) * 100,
    ),
    denied: points.map((point) => perSecond(point.denied)),
    p50: points.map((point) => point.p50),
    p95: points.map((point) => point.p95),
    p99: points.map((point) => point.p99),
  };
}

/** The revisions made in the time of a chart, for its dashed lines. */
function useMarkers(times: number[]): Marker[] {
  const { data } = useInfiniteQuery(queries.revisions());
  const first = times[0];
  const last = times.at(-1);
  return useMemo(() => {
    if (first === undefined || last === undefined) return [];
    return (data?.pages.flatMap((page) => page.items) ?? [])
      .filter(
        ({ createdAt, origin }) =>
          !['system', 'agent'].includes(origin) && Date.parse(createdAt) >= first && Date.parse(createdAt) <= last,
      )
      .map(({ createdAt, number }) => ({ at: createdAt, label: `r${number}` }))
      .reverse();
  }, [data, first, last]);
}

interface Props {
  source?: string;
  destination?: string;
  window: string;
  at?: string;
  /** One row of three, or one below the other. */
  row?: boolean;
}

/** Requests, errors and durations of one edge, or of all calls to one service. */
export function TrafficCharts({ source, destination, window, at, row }: Props) {
  const { data, error, isPending, refetch } = useQuery(queries.series({ source, destination }, window, at));
  const columns = useMemo(() => (data ? toColumns(data) : null), [data]);
  const markers = useMarkers(columns?.times ?? []);
  if (error) return <ProblemNote error={error} what="Charts could not be read." onRetry={() => void refetch()} />;
  if (isPending || !columns) return <Loading what="charts" rows={3} />;
  const sync = `${source ?? ''}~${destination ?? ''}`;
  const denied = columns.denied.some((value) => value !== null && value > 0);
  const shared = { times: columns.times, markers, sync };
  return (
    <div className={row ? 'charts' : 'col'}>
      <Chart
        {...shared}
        title="Requests"
        unit="per second"
        format={figure}
        lines={[
          { label: 'requests', colour: 'v1', values: columns.requests, fill: true },
          ...(denied ? [{ label: 'denied', colour: 'deny', values: columns.denied }] : []),
        ]}
      />
      <Chart
        {...shared}
        title="Errors"
        unit="% of requests"
        format={figure}
        lines={[{ label: 'errors', colour: 'bad-mark', values: columns.errors, fill: true }]}
      />
      <Chart
        {...shared}
        title="Duration"
        unit="until answered"
        format={duration}
        lines={[
          { label: 'p50', colour: 'p50', values: columns.p50 },
          { label: 'p95', colour: 'p95', values: columns.p95 },
          { label: 'p99', colour: 'p99', values: columns.p99 },
        ]}
      />
    </div>
  );
}

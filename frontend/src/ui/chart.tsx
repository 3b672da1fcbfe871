import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useMemo, useRef } from 'react';
import type uPlot from 'uplot';
import { clock } from './format';

export interface Line {
  label: string;
  /** Name of a token, e.g. "p95". */
  colour: string;
  values: (number | null)[];
  fill?: boolean;
}

export interface Marker {
  at: string;
  label: string;
}

interface Props {
  title: string;
  unit: string;
  /** Times of the points, in ms. */
  times: number[];
  lines: Line[];
  markers?: Marker[];
  height?: number;
  format: (value: number) => string;
  /** Charts with one name share their crosshair. */
  sync?: string;
}

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function withAlpha(colour: string, percent: number): string {
  return `color-mix(in srgb, ${colour} ${percent}%, transparent)`;
}

/** Change markers: a dashed line with the revision's number on top. */
function drawMarkers(plot: uPlot, markers: Marker[], font: string) {
  const { ctx, bbox } = plot;
  const ratio = window.devicePixelRatio || 1;
  ctx.save();
  ctx.strokeStyle = token('line-3');
  ctx.fillStyle = token('ink-2');
  ctx.font = `500 ${10 * ratio}px ${font}`;
  ctx.textAlign = 'center';
  ctx.setLineDash([2 * ratio, 3 * ratio]);
  let free = -Infinity;
  for (const { at, label } of markers) {
    const x = plot.valToPos(Date.parse(at) / 1000, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top + 12 * ratio);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const half = ctx.measureText(label).width / 2;
    if (x - half < free) continue;
    ctx.fillText(label, x, bbox.top + 8 * ratio);
    free = x + half + 4 * ratio;
  }
  ctx.restore();
}

function optionsOf({ lines, markers = [], height = 128, format, sync }: Props, width: number): uPlot.Options {
  const font = token('font-ui');
  const axis = { stroke: token('ink-3'), font: `11px ${font}`, ticks: { show: false }, gap: 4 };
  return {
    width,
    height,
    padding: [6, 8, 0, 0],
    legend: { show: false },
    cursor: { sync: sync ? { key: sync } : undefined, drag: { x: false, y: false }, points: { size: 6 } },
    scales: { y: { range: (_plot, _least, most) => [0, Math.max(most, 0) > 0 ? most * 1.15 : 1] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 22,
        space: 56,
        values: (_plot, ticks) => ticks.map((at) => clock(at * 1000).slice(0, 5)),
      },
      {
        ...axis,
        grid: { stroke: token('grid'), width: 1 },
        size: 44,
        space: 28,
        values: (_plot, ticks) => ticks.map((value) => format(value)),
      },
    ],
    series: [
      {},
      ...lines.map(({ label, colour, fill }) => ({
        label,
        stroke: token(colour),
        width: 1.6,
        fill: fill ? withAlpha(token(colour), 13) : undefined,
        points: { show: false },
        spanGaps: false,
      })),
    ],
    hooks: { draw: [(plot) => drawMarkers(plot, markers, font)] },
  };
}

/** What the chart says, for those who do not see it. */
function inWords({ lines, format }: Pick<Props, 'lines' | 'format'>): string {
  return lines
    .map(({ label, values }) => {
      const seen = values.filter((value) => value !== null);
      const last = seen.at(-1);
      if (last === undefined) return `${label}: nothing was reported`;
      return `${label}: now ${format(last)}, lowest ${format(Math.min(...seen))}, highest ${format(Math.max(...seen))}`;
    })
    .join('; ');
}

/** A time series. A gap in what was reported is a gap in the line. */
export function Chart(props: Props) {
  const { title, unit, times, lines, markers, height = 128, sync, format } = props;
  const host = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('light');
  const reported = lines.some(({ values }) => values.some((value) => value !== null));
  // What is drawn depends on the values, not on the identity of arrays that are made on every render.
  const key = useMemo(() => JSON.stringify([times, lines, markers]), [times, lines, markers]);
  const latest = useRef(props);
  useEffect(() => {
    latest.current = props;
  });

  useEffect(() => {
    const element = host.current;
    if (!element || !reported || !document.createElement('canvas').getContext('2d')) return undefined;
    let plot: uPlot | undefined;
    let gone = false;
    const observer = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height }));
    void import('./uplot').then(({ UPlot }) => {
      if (gone) return;
      const now = latest.current;
      const values: uPlot.AlignedData = [now.times.map((at) => at / 1000), ...now.lines.map((line) => line.values)];
      plot = new UPlot(optionsOf(now, element.clientWidth), values, element);
      observer.observe(element);
    });
    return () => {
      gone = true;
      observer.disconnect();
      plot?.destroy();
    };
  }, [key, scheme, height, sync, reported]);

  return (
    <figure className="chart" aria-label={`${title}, ${unit}`}>
      <figcaption>
        <b className="b6">{title}</b>
        <span className="dim">{unit}</span>
        <span className="sp" />
        {lines.length > 1 &&
          lines.map(({ label, colour }) => (
            <span key={label} className="leg" style={{ ['--c' as string]: `var(--${colour})` }}>
              {label}
            </span>
          ))}
      </figcaption>
      {reported ? (
        <div ref={host} className="plot" style={{ minHeight: height }} aria-hidden />
      ) : (
        <div className="plot nothing dim sm" style={{ minHeight: height }}>
          Nothing was reported in this time
        </div>
      )}
      <p className="sr">{inWords({ lines, format })}</p>
    </figure>
  );
}

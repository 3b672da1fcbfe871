import type { CSSProperties } from 'react';
import { keyOf, type Weight } from './model';

function Bar({
  label,
  shares,
}: {
  label: string;
  shares: { key: string; name: string; percent: number; colour: string }[];
}) {
  const words = shares.map(({ name, percent }) => `${name} ${percent} %`).join(', ');
  return (
    <div className="row" role="img" aria-label={`${label}: ${words}`}>
      <span className="dim sm" style={{ width: 44 }}>
        {label}
      </span>
      <div className="split" style={{ flex: 1 }}>
        {shares
          .filter(({ percent }) => percent > 0)
          .map(({ key, name, percent, colour }) => (
            <i key={key} style={{ width: `${percent}%`, ['--c']: colour } as CSSProperties}>
              {percent >= 18 ? `${name} · ${percent} %` : percent >= 6 ? `${percent} %` : ''}
            </i>
          ))}
      </div>
    </div>
  );
}

/** Before and after, one bar each; a version keeps its colour in both. */
export function SplitBars({ weights }: { weights: Weight[] }) {
  const shares = (percent: (weight: Weight) => number) =>
    weights.map((weight, index) => ({
      key: keyOf(weight),
      name: weight.name,
      percent: percent(weight),
      colour: `var(--v${(index % 6) + 1})`,
    }));
  return (
    <div className="col" style={{ gap: 6 }}>
      <Bar label="Now" shares={shares((weight) => weight.now ?? 0)} />
      <Bar label="After" shares={shares((weight) => weight.percent)} />
    </div>
  );
}

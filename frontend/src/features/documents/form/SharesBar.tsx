import type { CSSProperties } from 'react';
import { percent } from '@/ui/format';
import { sharesOf } from './shares';
import type { Rows } from './table';

export function SharesBar({ shares, rows }: { shares: NonNullable<Rows['shares']>; rows: unknown[] }) {
  const { sum, parts } = sharesOf(shares, rows);
  if (rows.length < 2) return null;
  if (sum === 0) return <p className="sm badtext">All weights are 0: no call goes anywhere.</p>;
  const label = parts.map(({ name, share }) => `${name} ${percent(share)}`).join(', ');
  return (
    <div className="shares">
      <div className="split" role="img" aria-label={label}>
        {parts.map(({ name, share }, index) =>
          share > 0 ? (
            <i key={index} style={{ width: `${share * 100}%`, ['--c']: `var(--v${(index % 6) + 1})` } as CSSProperties}>
              {share >= 0.22 ? `${name} · ${percent(share)}` : share >= 0.08 ? percent(share) : ''}
            </i>
          ) : null,
        )}
      </div>
      <span className="sm dim" role="status" aria-label="Sum of the weights">
        Sum {sum}
      </span>
    </div>
  );
}

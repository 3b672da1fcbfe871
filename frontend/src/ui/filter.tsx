import { TextInput } from '@mantine/core';
import { Search, X } from 'lucide-react';
import type { ReactNode } from 'react';

export function FilterChip({
  pressed,
  count,
  onClick,
  children,
}: {
  pressed: boolean;
  count: number;
  onClick: () => void;
  children: ReactNode;
}) {
  return (
    <button type="button" className="fc" aria-pressed={pressed} onClick={onClick}>
      {children} <b>{count}</b>
    </button>
  );
}

export function FindField({
  label,
  value,
  onChange,
  width = 220,
}: {
  label: string;
  value: string;
  onChange: (value: string | undefined) => void;
  width?: number;
}) {
  return (
    <TextInput
      aria-label={label}
      placeholder={label}
      value={value}
      style={{ width }}
      leftSection={<Search className="i s" aria-hidden />}
      rightSection={
        value ? (
          <button
            type="button"
            className="btn q ic"
            style={{ height: 24, width: 24 }}
            aria-label="Clear filter"
            onClick={() => onChange(undefined)}
          >
            <X className="i s" aria-hidden />
          </button>
        ) : null
      }
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
    />
  );
}

/** Everything is there, the filter hides it: say so, and how to get out. */
export function NothingMatches({ what, hidden, onClear }: { what: string; hidden: string; onClear: () => void }) {
  return (
    <div className="empty" role="status">
      <p>
        Nothing matches <i>{what}</i>. {hidden} hidden.
      </p>
      <div className="row">
        <button type="button" className="btn" onClick={onClear}>
          Clear filter
        </button>
      </div>
    </div>
  );
}

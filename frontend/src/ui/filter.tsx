import { TextInput } from '@mantine/core';
import { Search, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { State, type Tone } from './state';

function FilterChip({
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
    <button type="button" className={count ? 'fc' : 'fc none'} aria-pressed={pressed} onClick={onClick}>
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

interface BarProps<Key extends string> {
  label: string;
  all: number;
  /** A field that narrows the list before the chips count it. */
  before?: ReactNode;
  chips: readonly { key: Key; label: string; count: number; tone?: Tone }[];
  chosen: Key | undefined;
  onChoose: (key: Key | undefined) => void;
  find: { label: string; value: string | undefined; onChange: (value: string | undefined) => void };
}

/** Chips with counts, and the field to find by name: the same above every list. */
export function FilterBar<Key extends string>({ label, all, before, chips, chosen, onChoose, find }: BarProps<Key>) {
  return (
    <div className="flt" role="group" aria-label={label}>
      {before}
      <FilterChip pressed={!chosen} count={all} onClick={() => onChoose(undefined)}>
        All
      </FilterChip>
      {chips.map((chip) => (
        <FilterChip
          key={chip.key}
          pressed={chosen === chip.key}
          count={chip.count}
          onClick={() => onChoose(chosen === chip.key ? undefined : chip.key)}
        >
          {chip.tone && chip.count ? <State tone={chip.tone}>{chip.label}</State> : chip.label}
        </FilterChip>
      ))}
      <span className="sp" />
      <FindField label={find.label} value={find.value ?? ''} onChange={find.onChange} />
    </div>
  );
}

import { TextInput } from '@mantine/core';
import { Plus, X } from 'lucide-react';
import { useId, useRef, useState } from 'react';
import type { Path } from './edit';
import { MatchField } from './MatchField';
import type { Leaf } from './table';
import { useTools } from './tools';
import { asNumber, asText, useTyped } from './typing';

type PairsLeaf = Extract<Leaf, { as: 'pairs' }>;

function Value({ leaf, path, value, label }: { leaf: PairsLeaf; path: Path; value: unknown; label: string }) {
  const { reveal } = useTools();
  const onFocus = () => reveal(path);
  const { onType } = useTyped(path, value, true, leaf.of === 'number' ? asNumber : String);
  if (leaf.of === 'match') {
    const input = { 'aria-label': label, onFocus };
    return <MatchField path={path} value={value} label={label} usual="exact" input={input} />;
  }
  return (
    <TextInput
      aria-label={label}
      value={asText(value)}
      onFocus={onFocus}
      onChange={(event) => onType(event.currentTarget.value)}
    />
  );
}

/** A name is only another one when it is left: half of one could be that of another pair. */
function Name({
  label,
  name,
  onName,
  onFocus,
}: {
  label: string;
  name: string;
  onName: (name: string) => void;
  onFocus: () => void;
}) {
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <TextInput
      aria-label={label}
      value={typed ?? name}
      onFocus={onFocus}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur();
      }}
      onBlur={() => {
        setTyped(null);
        if (typed?.trim() && typed.trim() !== name) onName(typed.trim());
      }}
    />
  );
}

/** A map: one line for each name and its value. */
export function Pairs({
  leaf,
  path,
  value,
  error,
}: {
  leaf: PairsLeaf;
  path: Path;
  value: unknown;
  error: string | null;
}) {
  const { edit, reveal } = useTools();
  const [adding, setAdding] = useState(false);
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const pairs = value && typeof value === 'object' ? Object.entries(value) : [];
  const taken = new Set(pairs.map(([name]) => name));
  const empty = leaf.of === 'match' ? { exact: '' } : '';
  function add(name: string) {
    if (!taken.has(name)) edit([{ do: 'set', path: [...path, name], to: empty }]);
    setAdding(false);
  }
  return (
    <div className="ff" style={{ gridColumn: `span ${leaf.width ?? 12}` }} role="group" aria-labelledby={id} ref={box}>
      <div className="mantine-InputWrapper-label" id={id}>
        {leaf.label}
      </div>
      {[...pairs, ...(adding ? [['', empty] as [string, unknown]] : [])].map(([name, each], index) => (
        <div className="pair" key={index}>
          <Name
            label={`Name of ${leaf.one} ${index + 1}`}
            name={name}
            onFocus={() => reveal(name ? [...path, name] : path)}
            onName={(next) => {
              if (!name) add(next);
              else if (!taken.has(next)) edit([{ do: 'rename', path: [...path, name], to: next }]);
            }}
          />
          {name ? (
            <Value leaf={leaf} path={[...path, name]} value={each} label={`Value of ${name}`} />
          ) : (
            <span className="sm dim">Name it first.</span>
          )}
          <button
            type="button"
            className="btn q ic"
            aria-label={`Remove ${name || leaf.one}`}
            onClick={() => (name ? edit([{ do: 'remove', path: [...path, name] }]) : setAdding(false))}
          >
            <X className="i s" aria-hidden />
          </button>
        </div>
      ))}
      {error && (
        <p className="mantine-InputWrapper-error" role="alert">
          {error}
        </p>
      )}
      {!adding && (
        <button
          type="button"
          className="btn q add"
          onClick={() => {
            setAdding(true);
            requestAnimationFrame(() =>
              box.current?.querySelector<HTMLInputElement>('.pair:last-of-type input')?.focus(),
            );
          }}
        >
          <Plus className="i s" aria-hidden /> Add {leaf.one}
        </button>
      )}
    </div>
  );
}

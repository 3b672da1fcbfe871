import { Autocomplete, Checkbox, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Path } from './edit';
import { Frame } from './Frame';
import { MatchField } from './MatchField';
import { Pairs } from './Pairs';
import { usePick, usePorts } from './sources';
import { get, pathOf, type Control, type Leaf, type Scope } from './table';
import { useTools, useWiring } from './tools';
import { asNumber, asText, useTyped } from './typing';

interface FieldProps<As extends Control['as'] = Control['as']> {
  leaf: Extract<Leaf, { as: As }>;
  /** Of the scope that the leaf stands in. */
  at: Path;
  scope: Scope;
  bare?: boolean;
}

function useLeaf({ leaf, at, scope, bare }: { leaf: Leaf; at: Path; scope: Scope; bare?: boolean }) {
  const path = [...at, ...pathOf(leaf.at)];
  const below = ['pairs', 'match', 'list'].includes(leaf.as);
  const wiring = useWiring(path, below);
  const frame = { ...wiring, label: leaf.label, help: leaf.help, width: leaf.width, bare };
  const input = {
    id: wiring.id,
    'aria-label': bare ? leaf.label : undefined,
    error: Boolean(wiring.error),
    'aria-required': wiring.required || undefined,
    onFocus: wiring.onFocus,
  };
  return { path, value: get(scope, leaf.at), frame, input, required: wiring.required, fallback: wiring.fallback };
}

function Line(props: FieldProps<'text' | 'number' | 'duration'>) {
  const { leaf } = props;
  const { path, value, frame, input, required, fallback } = useLeaf(props);
  const { onType, onLeave } = useTyped(path, value, required, leaf.as === 'number' ? asNumber : String);
  return (
    <Frame {...frame}>
      <TextInput
        {...input}
        value={asText(value)}
        inputMode={leaf.as === 'number' ? 'decimal' : undefined}
        placeholder={leaf.as === 'text' ? leaf.placeholder : (fallback ?? 'not set')}
        rightSection={leaf.as === 'number' && leaf.unit ? <span className="unit">{leaf.unit}</span> : undefined}
        rightSectionWidth={leaf.as === 'number' && leaf.unit ? 12 + leaf.unit.length * 7 : undefined}
        onChange={(event) => onType(event.currentTarget.value)}
        onBlur={onLeave}
      />
    </Frame>
  );
}

function OneOf(props: FieldProps<'select'>) {
  const { leaf } = props;
  const { path, value, frame, input, fallback } = useLeaf(props);
  const tools = useTools();
  const options = leaf.options ?? tools.values(path).map((each): [string, string] => [each, each]);
  const written = asText(value);
  const known = options.some(([each]) => each === written);
  // What is written and would hold anyway is the same choice as nothing.
  const now = written === fallback && !known ? '' : written;
  return (
    <Frame {...frame}>
      <NativeSelect
        {...input}
        value={now}
        data={[
          { value: '', label: leaf.unset },
          ...options.map(([each, label]) => ({ value: each, label })),
          ...(known || !now ? [] : [{ value: now, label: now }]),
        ]}
        onChange={({ currentTarget: { value: next } }) =>
          tools.edit([next === '' ? { do: 'remove', path } : { do: 'set', path, to: asNumber(next) }])
        }
      />
    </Frame>
  );
}

function Switch(props: FieldProps<'switch'>) {
  const { leaf } = props;
  const { path, value, frame, input } = useLeaf(props);
  const { edit } = useTools();
  return (
    <div className="ff" style={{ gridColumn: `span ${leaf.width ?? 6}` }}>
      <Checkbox
        {...input}
        size="sm"
        label={leaf.label}
        description={leaf.help}
        error={frame.error}
        checked={typeof value === 'boolean' ? value : leaf.fallback}
        onChange={({ currentTarget: { checked } }) =>
          edit([checked === leaf.fallback ? { do: 'remove', path } : { do: 'set', path, to: checked }])
        }
      />
    </div>
  );
}

function List(props: FieldProps<'list'>) {
  const { leaf } = props;
  const { path, value, frame, input } = useLeaf(props);
  const { edit } = useTools();
  // While somebody types, a comma at the end is no mistake yet.
  const [typed, setTyped] = useState<string | null>(null);
  const items = Array.isArray(value) ? value.map(asText) : [asText(value)].filter(Boolean);
  function type(next: string) {
    setTyped(next);
    const found = next
      .split(/[\s,]+/)
      .filter(Boolean)
      .map((each) => (leaf.numbers ? asNumber(each) : each));
    edit([found.length ? { do: 'set', path, to: found } : { do: 'remove', path }]);
  }
  return (
    <Frame {...frame}>
      <TextInput
        {...input}
        value={typed ?? items.join(', ')}
        placeholder={leaf.placeholder}
        onChange={(event) => type(event.currentTarget.value)}
        onBlur={() => setTyped(null)}
      />
    </Frame>
  );
}

function Match(props: FieldProps<'match'>) {
  const { leaf } = props;
  const { path, value, frame, input } = useLeaf(props);
  return (
    <Frame {...frame}>
      <MatchField path={path} value={value} label={leaf.label} usual={leaf.usual} input={input} />
    </Frame>
  );
}

/** The name of another document, with those that are there offered. */
function Pick(props: FieldProps<'pick'>) {
  const { leaf, at, scope } = props;
  const { path, value, frame, input, required } = useLeaf(props);
  const { edit } = useTools();
  const { options, shown, split, fill } = usePick(leaf, at, scope, value);
  const { onLeave } = useTyped(path, value, required, String);
  return (
    <Frame {...frame}>
      <Autocomplete
        {...input}
        value={shown}
        data={options}
        maxDropdownHeight={260}
        limit={200}
        comboboxProps={{ width: 'max-content', position: 'bottom-start' }}
        onChange={(typed) => {
          if (typed === shown) return;
          edit([...split(typed), ...fill(typed)]);
        }}
        onBlur={onLeave}
      />
    </Frame>
  );
}

function Port(props: FieldProps<'port'>) {
  const { leaf, scope } = props;
  const { path, value, frame, input, required } = useLeaf(props);
  const ports = usePorts(asText(get(scope, leaf.of)), asText(get(scope, 'namespace')));
  const { onType, onLeave } = useTyped(path, value, required, asNumber);
  return (
    <Frame {...frame}>
      <Autocomplete
        {...input}
        inputMode="numeric"
        value={asText(value)}
        data={[...new Set(ports.map(({ port }) => String(port)))]}
        onChange={(typed) => {
          if (typed !== asText(value)) onType(typed);
        }}
        onBlur={onLeave}
      />
    </Frame>
  );
}

function PairsField(props: FieldProps<'pairs'>) {
  const { leaf } = props;
  const { path, value, frame } = useLeaf(props);
  return <Pairs leaf={leaf} path={path} value={value} error={frame.error} />;
}

export function Field({ leaf, ...rest }: FieldProps) {
  switch (leaf.as) {
    case 'select':
      return <OneOf leaf={leaf} {...rest} />;
    case 'switch':
      return <Switch leaf={leaf} {...rest} />;
    case 'list':
      return <List leaf={leaf} {...rest} />;
    case 'match':
      return <Match leaf={leaf} {...rest} />;
    case 'pick':
      return <Pick leaf={leaf} {...rest} />;
    case 'port':
      return <Port leaf={leaf} {...rest} />;
    case 'pairs':
      return <PairsField leaf={leaf} {...rest} />;
    default:
      return <Line leaf={leaf} {...rest} />;
  }
}

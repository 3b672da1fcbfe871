import { NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Path } from './edit';
import { get } from './table';
import { useTools } from './tools';
import { asText, useTyped } from './typing';

const MATCHES = ['exact', 'prefix', 'regex'] as const;
const MATCH_WORDS = { exact: 'is', prefix: 'starts with', regex: 'matches regex' };

/** The kind of a match beside what is matched. */
export function MatchField({ path, value, label, input, usual }: MatchProps) {
  const { edit } = useTools();
  const [wanted, setWanted] = useState(usual);
  const given = MATCHES.find((each) => get(value, each) !== undefined);
  const { onType, onLeave } = useTyped([...path, given ?? wanted], given && get(value, given), false, String);
  return (
    <div className="matchfield">
      <NativeSelect
        aria-label={`${label}, how`}
        value={given ?? wanted}
        data={MATCHES.map((each) => ({ value: each, label: MATCH_WORDS[each] }))}
        onFocus={input.onFocus}
        onChange={({ currentTarget }) => {
          const next = currentTarget.value as (typeof MATCHES)[number];
          setWanted(next);
          if (given) edit([{ do: 'rename', path: [...path, given], to: next }]);
        }}
      />
      <TextInput
        {...input}
        value={given ? asText(get(value, given)) : ''}
        placeholder="anything"
        onChange={(event) => onType(event.currentTarget.value)}
        onBlur={onLeave}
      />
    </div>
  );
}

interface MatchProps {
  path: Path;
  value: unknown;
  label: string;
  usual: (typeof MATCHES)[number];
  input: { id?: string; 'aria-label'?: string; error?: boolean; onFocus: () => void };
}

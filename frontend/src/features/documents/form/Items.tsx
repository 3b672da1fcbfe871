import { NativeSelect } from '@mantine/core';
import { ChevronDown, ChevronRight } from 'lucide-react';
import { useId, useState, type ReactNode } from 'react';
import { plural } from '@/ui/format';
import { Field } from './controls';
import type { Op, Path } from './edit';
import { Frame } from './Frame';
import { RowsField } from './Rows';
import { get, pathOf, type Choice, type Group, type Item, type Scope } from './table';
import { useTools, useWiring, wrongAt } from './tools';
import { fields } from './walk';

interface Props<Kind> {
  item: Kind;
  at: Path;
  scope: Scope;
  bare?: boolean;
}

function ChoiceField({ item, at, scope, bare }: Props<Choice>) {
  const { edit } = useTools();
  const now = item.choice.findIndex(({ is }) => is(scope));
  const main = Object.keys(item.choice[Math.max(now, 0)]?.sets ?? {})[0] ?? '';
  const wiring = useWiring([...at, ...pathOf(main)]);
  function choose(index: number) {
    const sets = Object.entries(item.choice[index]?.sets ?? {});
    const ops = sets
      .filter(([name, to]) => get(scope, name) !== to)
      .map(([name, to]): Op => {
        const path = [...at, ...pathOf(name)];
        return to === undefined ? { do: 'remove', path } : { do: 'set', path, to };
      });
    // First away with what goes: what is set then does not stand beside it, not even for the order of the fields.
    edit([...ops.filter((op) => op.do === 'remove'), ...ops.filter((op) => op.do !== 'remove')]);
  }
  return (
    <>
      <Frame {...wiring} required={false} label={item.label} help={item.help} width={item.width} bare={bare}>
        <NativeSelect
          id={wiring.id}
          aria-label={bare ? item.label : undefined}
          error={Boolean(wiring.error)}
          value={now < 0 ? '' : String(now)}
          data={[
            ...(now < 0 ? [{ value: '', label: 'as the YAML says' }] : []),
            ...item.choice.map(({ label }, index) => ({ value: String(index), label })),
          ]}
          onFocus={wiring.onFocus}
          onChange={({ currentTarget }) => currentTarget.value && choose(Number(currentTarget.value))}
        />
      </Frame>
      <Items items={item.choice[now]?.items ?? []} at={at} scope={scope} bare={bare} />
    </>
  );
}

interface FoldProps {
  title: ReactNode;
  meta?: ReactNode;
  wrong: number;
  opened: boolean;
  aside?: ReactNode;
  label?: string;
  look: string;
  /** Which row of a list it is. */
  row?: number;
  children: ReactNode;
}

/** A part that opens and closes. It never closes over something wrong. */
export function Fold({ title, meta, wrong, opened, aside, label, look, row, children }: FoldProps) {
  const id = useId();
  const [wanted, setWanted] = useState<boolean | null>(null);
  const open = wrong > 0 || (wanted ?? opened);
  const Mark = open ? ChevronDown : ChevronRight;
  return (
    <div className={`fold ${look}`} role="group" aria-label={label} data-row={row}>
      <div className="foldhead">
        <button type="button" aria-expanded={open} aria-controls={id} onClick={() => setWanted(!open)}>
          <Mark className="i s" aria-hidden /> <b>{title}</b> {meta && <span className="m">{meta}</span>}
        </button>
        {wrong > 0 && <span className="tag bad">{plural(wrong, 'thing is', 'things are')} wrong</span>}
        {aside}
      </div>
      {open && (
        <div id={id} className="fgrid">
          {children}
        </div>
      )}
    </div>
  );
}

function GroupField({ item, at, scope }: Props<Group>) {
  const tools = useTools();
  const all = [...fields(item.items, scope, at)];
  const set = all.filter(({ value }) => value !== undefined);
  const wrong = all.filter(({ path }) => wrongAt(tools, path, true).length > 0).length;
  return (
    <Fold
      look="group"
      title={item.group}
      label={item.group}
      meta={set.length ? `${set.length} set` : (item.help ?? 'not set')}
      wrong={wrong}
      opened={set.length > 0}
    >
      <Items items={item.items} at={at} scope={scope} />
    </Fold>
  );
}

interface ItemsProps {
  items: Item[];
  at: Path;
  scope: Scope;
  /** Labels are for those who do not see the column. */
  bare?: boolean;
}

export function Items({ items, at, scope, bare }: ItemsProps) {
  return items
    .filter((item) => item.when?.(scope) ?? true)
    .map((item, index) => {
      if ('at' in item) return <Field key={index} leaf={item} at={at} scope={scope} bare={bare} />;
      if ('rows' in item)
        return (
          <RowsField key={index} item={item} at={at} scope={scope} alone={at.length === 1 && items.length === 1} />
        );
      if ('group' in item) return <GroupField key={index} item={item} at={at} scope={scope} />;
      return <ChoiceField key={index} item={item} at={at} scope={scope} bare={bare} />;
    });
}

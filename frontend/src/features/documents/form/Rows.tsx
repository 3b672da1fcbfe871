import { ArrowDown, ArrowUp, Plus, X } from 'lucide-react';
import { useId, useRef, useState } from 'react';
import type { Path } from './edit';
import { Fold, Items } from './Items';
import { SharesBar } from './SharesBar';
import { get, pathOf, pointerOf, type Rows, type Scope } from './table';
import { useTools, wrongAt } from './tools';

interface RowProps {
  item: Rows;
  path: Path;
  row: Scope;
  index: number;
  count: number;
  /** Rows that can be closed are, where there are many. */
  opened: boolean;
  onRemove: () => void;
}

function RowButtons({ item, path, index, count, onRemove }: Omit<RowProps, 'row' | 'opened'>) {
  const { edit } = useTools();
  const name = `${item.one} ${index + 1}`;
  return (
    <span className="rowbuttons">
      {item.ordered && count > 1 && (
        <>
          <button
            type="button"
            className="btn q ic"
            aria-label={`Move ${name} up`}
            disabled={index === 0}
            onClick={() => edit([{ do: 'move', path, by: -1 }])}
          >
            <ArrowUp className="i s" aria-hidden />
          </button>
          <button
            type="button"
            className="btn q ic"
            aria-label={`Move ${name} down`}
            disabled={index === count - 1}
            onClick={() => edit([{ do: 'move', path, by: 1 }])}
          >
            <ArrowDown className="i s" aria-hidden />
          </button>
        </>
      )}
      <button type="button" className="btn q ic" aria-label={`Remove ${name}`} onClick={onRemove}>
        <X className="i s" aria-hidden />
      </button>
    </span>
  );
}

function Row({ item, path, row, index, count, opened, onRemove }: RowProps) {
  const tools = useTools();
  const name = `${item.one[0]?.toUpperCase()}${item.one.slice(1)} ${index + 1}`;
  const own = wrongAt(tools, path);
  // In lines of fields, the first line says what each column is; the heading says it where there is one column.
  const labelled = item.look === 'line' && index === 0 && item.items.length > 1;
  const buttons = <RowButtons item={item} path={path} index={index} count={count} onRemove={onRemove} />;
  const inside = <Items items={item.items} at={path} scope={row} bare={item.look === 'line' && !labelled} />;
  const words = own.length > 0 && (
    <p className="mantine-InputWrapper-error" role="alert">
      {own.join('. ')}
    </p>
  );
  if (item.look === 'card') {
    return (
      <Fold
        look="rule"
        title={name}
        label={name}
        meta={item.title?.(row)}
        wrong={tools.wrong.filter(({ pointer }) => `${pointer}/`.startsWith(`${pointerOf(path)}/`)).length}
        opened={opened}
        row={index}
        aside={buttons}
      >
        {words}
        {inside}
      </Fold>
    );
  }
  return (
    <div
      className={item.look === 'box' ? 'rowbox' : labelled ? 'rowline labelled' : 'rowline'}
      role="group"
      aria-label={name}
      data-row={index}
    >
      <div className="fgrid">
        {inside}
        {words}
      </div>
      {buttons}
    </div>
  );
}

/** A list of a document: one row for each item, in the order in which they are tried. */
export function RowsField({ item, at, scope, alone }: { item: Rows; at: Path; scope: Scope; alone?: boolean }) {
  const tools = useTools();
  const id = useId();
  const path = [...at, ...pathOf(item.rows)];
  const value = get(scope, item.rows);
  const rows: unknown[] = Array.isArray(value) ? value : [];
  const own = wrongAt(tools, path);
  const said = rows.length === 0 ? item.empty : item.help;
  const box = useRef<HTMLDivElement>(null);
  const [added, setAdded] = useState<number | null>(null);
  /** The keyboard goes on in the new row; where one went away, it stays with the list. */
  const focus = (within: string) =>
    requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(within)?.focus());
  function add() {
    tools.edit([{ do: 'insert', path: [...path, rows.length], to: item.fresh }]);
    setAdded(rows.length);
    focus(`:scope > [data-row="${rows.length}"] :is(input, select)`);
  }
  function remove(index: number) {
    tools.edit([{ do: 'remove', path: [...path, index] }]);
    focus(':scope > .add');
  }
  return (
    <div className={`frows look-${item.look}`} role="group" aria-labelledby={id} ref={box}>
      <div className={said || !alone ? 'frowshead' : 'sr'}>
        <span id={id} className={alone ? 'sr' : undefined}>
          {item.label}
        </span>
        {said && <span className="sm dim">{said}</span>}
      </div>
      {item.shares && <SharesBar shares={item.shares} rows={rows} />}
      {rows.map((row, index) => (
        <Row
          key={index}
          item={item}
          path={[...path, index]}
          row={row}
          index={index}
          count={rows.length}
          opened={rows.length <= 2 || index === 0 || index === added}
          onRemove={() => remove(index)}
        />
      ))}
      {own.length > 0 && (
        <p className="mantine-InputWrapper-error" role="alert">
          {own.join('. ')}
        </p>
      )}
      {rows.length < tools.most(path) && (
        <button type="button" className="btn q add" onClick={add}>
          <Plus className="i s" aria-hidden /> {item.add}
        </button>
      )}
    </div>
  );
}

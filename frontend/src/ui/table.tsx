import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { Fragment, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';

export interface Column<Row> {
  key: string;
  head: ReactNode;
  cell: (row: Row) => ReactNode;
  align?: 'r' | 'c';
  className?: string;
  /** The row's name: read out before each of its cells. */
  isName?: boolean;
  sortBy?: (row: Row) => number | string;
}

interface Props<Row> {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  rowKey: (row: Row) => string;
  selected?: string;
  onOpen?: (row: Row) => void;
  /** Heading put before the first row of each group, e.g. a day. */
  groupOf?: (row: Row) => string;
  full?: boolean;
}

/** Below this many rows the browser is fast enough to have them all, and find-in-page works. */
const VIRTUAL_ABOVE = 100;
const ROW_HEIGHT = 32;

function useSorted<Row>(rows: Row[], columns: Column<Row>[]) {
  const [sort, setSort] = useState<{ key: string; down: boolean } | null>(null);
  const sorted = useMemo(() => {
    const by = columns.find((column) => column.key === sort?.key)?.sortBy;
    if (!sort || !by) return rows;
    const direction = sort.down ? -1 : 1;
    return [...rows].sort((a, b) => {
      const [x, y] = [by(a), by(b)];
      return (x < y ? -1 : x > y ? 1 : 0) * direction;
    });
  }, [rows, columns, sort]);
  // Largest first, then smallest first, then the order the page chose.
  const turn = (key: string) =>
    setSort((now) => (now?.key !== key ? { key, down: true } : now.down ? { key, down: false } : null));
  return { sorted, sort, turn };
}

function Head<Row>({
  column,
  sort,
  onTurn,
}: {
  column: Column<Row>;
  sort: { key: string; down: boolean } | null;
  onTurn: (key: string) => void;
}) {
  const active = sort?.key === column.key;
  const order = active ? (sort.down ? 'descending' : 'ascending') : undefined;
  return (
    <th
      scope="col"
      className={[column.align, /\blow\b/.test(column.className ?? '') && 'low'].filter(Boolean).join(' ') || undefined}
      aria-sort={order}
    >
      {column.sortBy ? (
        <button type="button" onClick={() => onTurn(column.key)}>
          {column.head}
          {active && (sort.down ? <ArrowDown className="i s" aria-hidden /> : <ArrowUp className="i s" aria-hidden />)}
        </button>
      ) : (
        column.head
      )}
    </th>
  );
}

/** j, k and the arrows go from row to row through the links in the name column. */
function walk(event: KeyboardEvent<HTMLElement>) {
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>('tbody [data-rowlink] a')];
  const at = links.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  event.preventDefault();
  links[at + step]?.focus();
}

function Row<Row>({
  row,
  columns,
  selected,
  onOpen,
}: {
  row: Row;
  columns: Column<Row>[];
  selected: boolean;
  onOpen?: (row: Row) => void;
}) {
  const cells = columns.map((column) => {
    const className = [column.align, column.className].filter(Boolean).join(' ') || undefined;
    return column.isName ? (
      <td key={column.key} className={className} data-rowlink>
        {column.cell(row)}
      </td>
    ) : (
      <td key={column.key} className={className}>
        {column.cell(row)}
      </td>
    );
  });
  if (!onOpen) return <tr>{cells}</tr>;
  return (
    // The link in the name column is the way in by keyboard; a click anywhere on the row only saves aiming.

    <tr
      data-selected={selected || undefined}
      onClick={(event) => {
        if (!(event.target as HTMLElement).closest('a,button')) onOpen(row);
      }}
    >
      {cells}
    </tr>
  );
}

export function DataTable<Row>({ label, columns, rows, rowKey, selected, onOpen, groupOf, full }: Props<Row>) {
  const { sorted, sort, turn } = useSorted(rows, columns);
  const scroller = useRef<HTMLDivElement>(null);
  const many = sorted.length > VIRTUAL_ABOVE;
  // The virtualizer is not memoizable by the compiler; nothing here relies on that.
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => scroller.current?.closest<HTMLElement>('.tw, .scroll') ?? null,
    estimateSize: () => ROW_HEIGHT,
    overscan: 20,
    enabled: many,
  });
  const window = many ? virtual.getVirtualItems().map((item) => item.index) : sorted.map((_, index) => index);
  const before = many ? (virtual.getVirtualItems()[0]?.start ?? 0) : 0;
  const after = many ? virtual.getTotalSize() - (virtual.getVirtualItems().at(-1)?.end ?? 0) : 0;
  return (
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions -- keys only move focus between the rows' links
    <div ref={scroller} onKeyDown={walk}>
      <table
        className={`t${onOpen ? ' pick' : ''}${full ? ' full' : ''}`}
        aria-label={label}
        aria-rowcount={sorted.length + 1}
      >
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.key} column={column} sort={sort} onTurn={turn} />
            ))}
          </tr>
        </thead>
        <tbody>
          {before > 0 && <Gap height={before} span={columns.length} />}
          {window.map((index) => {
            const row = sorted[index];
            if (row === undefined) return null;
            const previous = sorted[index - 1];
            const group = !sort && groupOf?.(row);
            const startsGroup = group && (previous === undefined || groupOf?.(previous) !== group);
            return (
              <Fragment key={rowKey(row)}>
                {startsGroup && (
                  <tr className="day">
                    <td colSpan={columns.length}>{group}</td>
                  </tr>
                )}
                <Row row={row} columns={columns} selected={selected === rowKey(row)} onOpen={onOpen} />
              </Fragment>
            );
          })}
          {after > 0 && <Gap height={after} span={columns.length} />}
        </tbody>
      </table>
    </div>
  );
}

function Gap({ height, span }: { height: number; span: number }) {
  return (
    <tr aria-hidden>
      <td colSpan={span} style={{ height, padding: 0 }} />
    </tr>
  );
}

import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { AccessCell, AccessMatrix } from '@/api/types';
import { NOTHING, rate, shortName } from '@/ui/format';
import { Ago } from '@/ui/parts';
import { State } from '@/ui/state';
import { DataTable, type Column } from '@/ui/table';
import { attentionFirst, lookOf, LOOKS, secondsOf } from './model';

const MAY = { allowed: 'yes', partly: 'some requests', denied: 'no' } as const;

function columnsOf(seconds: number, narrow: boolean): Column<AccessCell>[] {
  const all: (Column<AccessCell> & { low?: boolean })[] = [
    {
      key: 'state',
      head: 'State',
      cell: (cell) => <State tone={LOOKS[lookOf(cell)].tone}>{LOOKS[lookOf(cell)].word}</State>,
    },
    {
      key: 'caller',
      head: 'Caller',
      isName: true,
      sortBy: (cell) => cell.caller,
      cell: (cell) => (
        <Link
          from="/access"
          to="/access"
          search={(previous) => ({ ...previous, from: cell.caller, to: cell.service, port: undefined })}
          replace
          title={cell.caller}
        >
          {shortName(cell.caller)}
        </Link>
      ),
    },
    {
      key: 'service',
      head: 'Service',
      sortBy: (cell) => cell.service,
      cell: (cell) => <span title={cell.service}>{shortName(cell.service)}</span>,
    },
    { key: 'may', head: 'May call', className: 'low', low: true, cell: (cell) => MAY[cell.access] },
    {
      key: 'rate',
      head: 'Requests',
      align: 'r',
      sortBy: (cell) => cell.requests,
      cell: (cell) => (cell.requests ? rate(cell.requests / seconds) : NOTHING),
    },
    {
      key: 'denied',
      head: 'Denied',
      align: 'r',
      sortBy: (cell) => cell.denied,
      cell: (cell) => (cell.denied ? <State tone="deny">{rate(cell.denied / seconds)}</State> : NOTHING),
    },
    {
      key: 'last',
      head: 'Last call',
      align: 'r',
      className: 'dim low',
      low: true,
      cell: (cell) => <Ago at={cell.lastSeen} />,
    },
    { key: 'why', head: 'Why', className: 'wrapcell', low: true, cell: (cell) => cell.reason },
  ];
  return narrow ? all.filter((column) => !column.low) : all;
}

/** The matrix as a list, what wants to be seen first on top. Pairs that may not call and do not try are left out. */
export function CellTable({
  matrix,
  chosen,
  small,
  onOpen,
}: {
  matrix: AccessMatrix;
  chosen?: string;
  small: boolean;
  onOpen: (cell: AccessCell) => void;
}) {
  const seconds = secondsOf(matrix);
  const narrow = small || chosen !== undefined;
  const columns = useMemo(() => columnsOf(seconds, narrow), [seconds, narrow]);
  const cells = useMemo(
    () =>
      attentionFirst(matrix.cells).filter((cell) => {
        const look = lookOf(cell);
        return look !== 'closed' && look !== 'me';
      }),
    [matrix],
  );
  return (
    <div className="wide">
      <DataTable
        label="Who may call whom"
        columns={columns}
        rows={cells}
        rowKey={(cell) => `${cell.caller} ${cell.service}`}
        selected={chosen}
        onOpen={onOpen}
      />
    </div>
  );
}

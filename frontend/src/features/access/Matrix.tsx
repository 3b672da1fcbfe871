import { Link } from '@tanstack/react-router';
import { Check, CircleDashed, Contrast } from 'lucide-react';
import { memo, type ReactNode } from 'react';
import type { AccessCaller, AccessCell, AccessMatrix } from '@/api/types';
import { namespaceOf, shortName } from '@/ui/format';
import { ToneIcon } from '@/ui/state';
import { factOf, lookOf, LOOKS, sayCell, secondsOf, type Look } from './model';

export function LookIcon({ look }: { look: Look }) {
  if (look === 'allowed' || look === 'unused') return <Check className="i s" aria-hidden />;
  if (look === 'denied') return <ToneIcon tone="deny" />;
  if (look === 'everyone' || look === 'undeclared') return <ToneIcon tone="warn" />;
  if (look === 'open') return <CircleDashed className="i s" aria-hidden />;
  return null;
}

const LEGEND: Look[] = ['allowed', 'unused', 'denied', 'everyone', 'undeclared', 'open', 'closed'];

/** Only what can be seen, so that nobody looks for what is not there; `closed` always, because it has no word in its cells. */
export function Legend({ cells }: { cells: AccessCell[] }) {
  const shown = new Set(cells.map(lookOf));
  const partly = cells.some((cell) => cell.access === 'partly' && lookOf(cell) !== 'denied');
  return (
    <div className="mxl">
      {LEGEND.filter((look) => shown.has(look)).map((look) => (
        <span key={look} className={`mc ${LOOKS[look].className}`}>
          <span aria-hidden>
            <LookIcon look={look} />
          </span>
          {LOOKS[look].legend}
        </span>
      ))}
      {partly && (
        <span className="mc">
          <Contrast className="i s" aria-hidden /> Some requests only
        </span>
      )}
    </div>
  );
}

/** Where a kind of caller stands in the mesh. */
function under(caller: AccessCaller): ReactNode {
  if (caller.kind === 'unknown') return caller.name === 'unknown' ? 'no known certificate' : 'not there any more';
  return caller.kind === 'service' ? namespaceOf(caller.name) : `${namespaceOf(caller.name)}, workload`;
}

const Cell = memo(function Cell({ cell, seconds, chosen }: { cell: AccessCell; seconds: number; chosen: boolean }) {
  const look = lookOf(cell);
  const partly = cell.access === 'partly' && look !== 'denied';
  return (
    <td className={`mc ${LOOKS[look].className}${chosen ? ' on' : ''}`}>
      <Link
        from="/access"
        to="/access"
        search={(previous) => ({
          ...previous,
          from: cell.caller,
          to: cell.service,
          port: undefined,
          draft: undefined,
        })}
        replace
        aria-label={sayCell(cell, seconds)}
        aria-current={chosen || undefined}
        title={`${sayCell(cell, seconds)}\n${cell.reason}`}
      >
        <LookIcon look={look} />
        {factOf(cell, seconds)}
        {partly && factOf(cell, seconds) !== 'partly' && <Contrast className="i s part" aria-hidden />}
      </Link>
    </td>
  );
});

/** Callers down, services across. */
export function Matrix({ matrix, from, to }: { matrix: AccessMatrix; from?: string; to?: string }) {
  const seconds = secondsOf(matrix);
  const cells = new Map(matrix.cells.map((cell) => [`${cell.caller} ${cell.service}`, cell]));
  const several = new Set(matrix.services.map(({ name }) => namespaceOf(name))).size > 1;
  return (
    <div className="mxw">
      <table className="mx" aria-label="Who may call whom" style={{ minWidth: 150 + matrix.services.length * 90 }}>
        <thead>
          <tr>
            <th className="rw" scope="col">
              <span className="sr">Caller</span>
            </th>
            {matrix.services.map(({ name }) => (
              <th key={name} scope="col" className={name === to ? 'hl' : undefined} title={name}>
                {shortName(name)}
                {several && <small>{namespaceOf(name)}</small>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {matrix.callers.map((caller) => (
            <tr key={caller.name}>
              <th
                scope="row"
                className={`rw${caller.name === from ? ' hl' : ''}`}
                title={caller.identities.filter(Boolean).join(', ') || 'no certificate'}
              >
                {shortName(caller.name)}
                <small>{under(caller)}</small>
              </th>
              {matrix.services.map(({ name }) => {
                const cell = cells.get(`${caller.name} ${name}`);
                return cell ? (
                  <Cell key={name} cell={cell} seconds={seconds} chosen={caller.name === from && name === to} />
                ) : (
                  <td key={name} />
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

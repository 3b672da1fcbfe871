import { Link } from '@tanstack/react-router';
import type { AccessMatrix } from '@/api/types';
import { plural, shortName } from '@/ui/format';
import { Card } from '@/ui/parts';
import { State } from '@/ui/state';
import { worthALook } from './model';

const FEW = 6;

/** What a person would point at in the matrix, with the button that goes to the answer. */
export function WorthALook({ matrix }: { matrix: AccessMatrix }) {
  const { findings, unused } = worthALook(matrix.cells);
  if (findings.length === 0 && unused.length === 0) return null;
  const some = unused.slice(0, 3).map((cell) => `${shortName(cell.caller)} → ${shortName(cell.service)}`);
  return (
    <Card title="Worth a look">
      <table className="t worth" aria-label="Worth a look">
        <tbody>
          {findings.slice(0, FEW).map(({ key, tone, title, says, action }) => (
            <tr key={key}>
              <td>
                <State tone={tone}>{title}</State>
              </td>
              <td className="wrapcell two">{says}</td>
              <td className="r">
                {action.kind === 'ask' ? (
                  <Link
                    from="/access"
                    to="/access"
                    search={(previous) => ({ ...previous, from: action.caller, to: action.service })}
                    replace
                    aria-label={`${action.word}: ${title}`}
                  >
                    {action.word}
                  </Link>
                ) : (
                  <Link
                    to="/access/suggest"
                    search={{ service: action.service }}
                    aria-label={`${action.word}: ${title}`}
                  >
                    {action.word}
                  </Link>
                )}
              </td>
            </tr>
          ))}
          {findings.length > FEW && (
            <tr>
              <td colSpan={3} className="two">
                {plural(findings.length - FEW, 'more finding')} in the table.
              </td>
            </tr>
          )}
          {unused.length > 0 && (
            <tr>
              <td>
                <State tone="idle">{plural(unused.length, 'pair')} allowed, unused</State>
              </td>
              <td className="wrapcell two">
                no call in this time range: {some.join(', ')}
                {unused.length > some.length && ` and ${unused.length - some.length} more`}
              </td>
              <td className="r">
                <Link from="/access" to="/access" search={(previous) => ({ ...previous, view: 'table' })} replace>
                  Show all
                </Link>
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </Card>
  );
}

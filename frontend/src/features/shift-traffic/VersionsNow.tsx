import { useQuery } from '@tanstack/react-query';
import { queries } from '@/api/queries';
import { duration, percent, rate } from '@/ui/format';
import { Card } from '@/ui/parts';

const ROWS = [
  ['Share wanted', (version) => percent(version.weight)],
  ['Share seen', (version) => (version.share === null ? 'not seen' : percent(version.share))],
  ['Requests', (version) => rate(version.rps)],
  ['Errors', (version) => percent(version.errorRate)],
  ['p50', (version) => duration(version.p50)],
  ['p95', (version) => duration(version.p95)],
] satisfies [string, (version: import('@/api/types').Version) => string][];

/** How the versions do, side by side, in the last minute: what to look at before and during a shift. */
export function VersionsNow({ service }: { service: string }) {
  const { data, error } = useQuery(queries.topology('60s'));
  const versions = data?.nodes.find((node) => node.id === service)?.versions ?? [];
  return (
    <Card title="How the versions do" meta="last minute">
      {versions.length === 0 ? (
        <div className="b dim">
          {error
            ? 'The numbers could not be read.'
            : data
              ? 'Nothing is split yet, so there is nothing to compare.'
              : 'Reading the numbers.'}
        </div>
      ) : (
        <table className="t" aria-label="How the versions do">
          <thead>
            <tr>
              <th scope="col">
                <span className="sr">Number</span>
              </th>
              {versions.map((version) => (
                <th key={version.service} scope="col" className="r">
                  {version.label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {ROWS.map(([label, read]) => (
              <tr key={label}>
                <td className="two">{label}</td>
                {versions.map((version) => (
                  <td key={version.service} className="r">
                    {read(version)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

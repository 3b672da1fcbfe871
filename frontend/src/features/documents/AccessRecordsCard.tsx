import { useQuery } from '@tanstack/react-query';
import { queries } from '@/api/queries';
import type { AccessRecord } from '@/api/types';
import { plural } from '@/ui/format';
import { Ago, Card, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { Note, State } from '@/ui/state';

const WINDOW = '24h';

function whatOf({ path, method, port }: AccessRecord): string {
  return path ? `${method || 'other'} ${path}` : `connection to port ${port}`;
}

function Row({ record }: { record: AccessRecord }) {
  return (
    <tr>
      <td className="wrapcell">
        <code>{whatOf(record)}</code>
        <div className="sm two">
          {record.source} → {record.destination}
        </div>
      </td>
      <td>{record.allowed ? <State tone="ok">Allowed</State> : <State tone="deny">Denied</State>}</td>
      <td className="r">
        <Ago at={record.at} />
      </td>
    </tr>
  );
}

/** What a policy with action AUDIT recorded lately. policy: namespace/name. */
export function AccessRecordsCard({ policy }: { policy: string }) {
  const { data, error } = useQuery(queries.accessRecords(policy, WINDOW));
  return (
    <Card title="Recorded calls" meta="last 24 hours">
      <div className="b col">
        {error && <ProblemNote error={error} what="What the policy recorded could not be read." />}
        {!data && !error && <Loading what="recorded calls" rows={3} />}
        {data && data.lost > 0 && (
          <Note tone="warn">
            {plural(data.lost, 'record')} of this mesh were lost in this time: their agents had no room for them.
          </Note>
        )}
        {data?.items.length === 0 && <p className="dim">nothing was recorded in this time</p>}
        {data && data.items.length > 0 && (
          <table className="t" aria-label="Recorded calls">
            <thead>
              <tr>
                <th scope="col">Call</th>
                <th scope="col">Decision</th>
                <th scope="col" className="r">
                  When
                </th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((record, index) => (
                <Row key={index} record={record} />
              ))}
            </tbody>
          </table>
        )}
        {data?.next && (
          <p className="sm two">
            More: <code>meshctl access-records --policy {policy}</code>
          </p>
        )}
      </div>
    </Card>
  );
}

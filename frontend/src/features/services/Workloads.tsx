import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { queries } from '@/api/queries';
import type { Workload } from '@/api/types';
import { HEALTH_WORDS } from '@/features/proxies/words';
import { plural } from '@/ui/format';
import { Ago, Card } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { State } from '@/ui/state';
import { seenWords, sightWords } from './health';

function Name({ workload }: { workload: Workload }) {
  if (!workload.joined) return <>{workload.name}</>;
  return (
    <Link to="/proxies" search={{ proxy: workload.id }}>
      {workload.name}
    </Link>
  );
}

/** What its callers see, and below it who of them took it out, and since when. */
function Seen({ workload }: { workload: Workload }) {
  const { tone, word } = seenWords(workload.seen);
  return (
    <div className="col" style={{ gap: 2 }}>
      <State tone={tone}>{word}</State>
      {workload.seen.out.map((sight) => (
        <span key={`${sight.caller} ${sight.service} ${sight.port} ${sight.address}`} className="sm two">
          {sightWords(sight)}, <Ago at={sight.since} />
        </span>
      ))}
    </div>
  );
}

export function Workloads({ service }: { service: string }) {
  const { data, error, refetch } = useQuery(queries.workloads(service));
  return (
    <Card title="Workloads" meta={data && plural(data.length, 'workload')}>
      {error && (
        <div className="b">
          <ProblemNote error={error} what="Workloads could not be read." onRetry={() => void refetch()} />
        </div>
      )}
      {data?.length === 0 && (
        <div className="b two">
          No workload serves it. <Link to="/add-vm">Add a VM</Link>
        </div>
      )}
      {data && data.length > 0 && (
        <table className="t" aria-label="Workloads">
          <thead>
            <tr>
              <th scope="col">Workload</th>
              <th scope="col">Its own check</th>
              <th scope="col">Its callers</th>
            </tr>
          </thead>
          <tbody>
            {data.map((workload) => {
              const health = HEALTH_WORDS[workload.health.state];
              return (
                <tr key={workload.id}>
                  <td>
                    <Name workload={workload} />
                    <div className="dim mono sm ell">{workload.address}</div>
                  </td>
                  <td>
                    <State tone={health.tone}>{health.word}</State>
                    {workload.health.state === 'unhealthy' && <div className="sm two">{workload.health.reason}</div>}
                    {workload.joined && !workload.connected && <State tone="away">Not connected</State>}
                  </td>
                  <td>
                    <Seen workload={workload} />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </Card>
  );
}

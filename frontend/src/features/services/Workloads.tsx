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

/** Its own check, then what its callers see, and who of them took it out. */
function Health({ workload }: { workload: Workload }) {
  const own = HEALTH_WORDS[workload.health.state];
  const { tone, word } = seenWords(workload.seen);
  return (
    <div className="col" style={{ gap: 4, padding: '6px 0', whiteSpace: 'normal' }}>
      <span className="row wrap">
        <span className="dim sm">Its own check</span>
        <State tone={own.tone}>{own.word}</State>
        {workload.joined && !workload.connected && <State tone="away">Not connected</State>}
      </span>
      {workload.health.state === 'unhealthy' && <span className="sm two">{workload.health.reason}</span>}
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
          <tbody>
            {data.map((workload) => (
              <tr key={workload.id}>
                <td>
                  <Name workload={workload} />
                  <div className="dim mono sm ell">{workload.address}</div>
                </td>
                <td>
                  <Health workload={workload} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

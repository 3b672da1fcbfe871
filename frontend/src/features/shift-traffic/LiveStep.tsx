import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { queries } from '@/api/queries';
import { LiveProgress } from '@/features/changes/LiveProgress';
import { Card, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { Note } from '@/ui/state';
import { VersionsNow } from './VersionsNow';

/** Proxies of the services that were seen calling this one: those on which the shift has an effect. */
function useCarriers(service: string): ReadonlySet<string> {
  const topology = useQuery(queries.topology('5m'));
  const proxies = useQuery(queries.proxies());
  const callers = new Set(
    (topology.data?.edges ?? []).filter((edge) => edge.destination === service).map((edge) => edge.source),
  );
  return new Set(
    (proxies.data ?? []).filter((proxy) => proxy.services.some((id) => callers.has(id))).map((proxy) => proxy.id),
  );
}

interface Props {
  service: string;
  revision: number;
  /** Set when this revision takes an earlier one back. */
  undone?: number;
}

export function LiveStep({ service, revision, undone }: Props) {
  const { data, error, isPending, refetch } = useQuery(queries.revision(revision));
  const carriers = useCarriers(service);
  return (
    <div className="scroll pad">
      <div className="grid">
        <div className="stack">
          {undone !== undefined && (
            <Note tone="unknown">
              <b className="b6">Rolled back.</b> Revision {revision} sets again what was there before revision {undone}.
            </Note>
          )}
          {isPending && <Loading what={`revision ${revision}`} />}
          {error && (
            <ProblemNote
              error={error}
              what={`Revision ${revision} could not be read.`}
              onRetry={() => void refetch()}
            />
          )}
          {data && <LiveProgress revision={data} carriers={carriers} />}
        </div>
        <div className="stack">
          <VersionsNow service={service} />
          <Card title="What happens next">
            <div className="b col sm two">
              <p>You can leave this page. It goes on without you, and stands in Changes.</p>
              <p>
                <Link to="/changes" search={{ revision }}>
                  Open revision {revision} in Changes
                </Link>
              </p>
            </div>
          </Card>
        </div>
      </div>
    </div>
  );
}

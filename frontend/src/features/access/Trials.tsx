import { useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { FlaskConical, Play, Square, WandSparkles } from 'lucide-react';
import { queries } from '@/api/queries';
import type { AnyDocument, Denied } from '@/api/types';
import { plural, shortName } from '@/ui/format';
import { useNow } from '@/ui/now';
import { Ago, Card, Empty, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { Note } from '@/ui/state';
import { POLICIES } from './principals';
import { actionOf, nameOf } from './policies';

const HOUR = 3600;

/** The seconds that a trial can have seen: since it was last changed, an hour at most; in steps, so that it is not asked anew each second. */
export function seenSeconds(since: string, now: number): number {
  const step = 30_000;
  const seconds = Math.ceil((Math.ceil(now / step) * step - Date.parse(since)) / 10_000) * 10;
  return Math.min(Math.max(seconds, 10), HOUR);
}

/** Denials that this trial would have made: by one of its rules, or for an ALLOW policy because none admitted the call. */
function ofPolicy(policy: AnyDocument, denied: Denied[]): Denied[] {
  const services = policy.status.enforcement?.services ?? [];
  const own = `AuthorizationPolicy ${nameOf(policy)}`;
  return denied.filter(
    ({ document, destination, dryRun, cause }) =>
      dryRun &&
      cause === 'policy' &&
      (document === own || (document === null && actionOf(policy) === 'ALLOW' && services.includes(destination))),
  );
}

/** What the proxies of a trial have seen since it runs: calls and who made them, and what would have been denied. */
function useSeen(policy: AnyDocument) {
  const { ns, at } = useSearch({ from: '/console/access' });
  const now = useNow();
  const changed = useQuery(queries.revision(Number(policy.metadata.resourceVersion)));
  const since = changed.data?.createdAt ?? policy.metadata.creationTimestamp;
  const seconds = seenSeconds(since, now);
  const window = `${seconds}s`;
  const denials = useQuery({ ...queries.denials({}, window, at), placeholderData: (previous) => previous });
  const matrix = useQuery(queries.accessMatrix({ namespace: ns }, window, at));
  return { since: seconds < HOUR ? since : null, denials, matrix };
}

function Trial({ policy }: { policy: AnyDocument }) {
  const { namespace, name } = policy.metadata;
  const services = policy.status.enforcement?.services ?? [];
  const { since, denials, matrix } = useSeen(policy);
  const found = ofPolicy(policy, denials.data?.items ?? []);
  const seen = (matrix.data?.cells ?? []).filter(({ service }) => services.includes(service));
  const requests = seen.reduce((sum, { requests }) => sum + requests, 0);
  const callers = new Set(seen.filter(({ requests }) => requests > 0).map(({ caller }) => caller)).size;
  const failed = denials.error ?? matrix.error;
  const when = since ? (
    <>
      since it began, <Ago at={since} />
    </>
  ) : (
    'in the last hour'
  );
  const checked = (
    <>
      Checked against {plural(requests, 'call')} of {plural(callers, 'caller')} {when}.
    </>
  );
  return (
    <Card
      title={name}
      meta={services.length ? `before ${services.map(shortName).join(', ')}` : 'before no workload'}
      aside={
        <div className="row">
          <Link
            className="btn"
            to="/documents/$plural/$namespace/$name/delete"
            params={{ plural: POLICIES, namespace: namespace ?? '', name }}
          >
            <Square className="i s" aria-hidden /> Stop the trial…
          </Link>
          <Link className="btn p" to="/access/enforce/$namespace/$name" params={{ namespace: namespace ?? '', name }}>
            <Play className="i s" aria-hidden /> Enforce…
          </Link>
        </div>
      }
    >
      <div className="b">
        {failed ? (
          <ProblemNote error={failed} what="What the trial saw could not be read." />
        ) : !denials.data || !matrix.data ? (
          <Loading what="what the trial saw" rows={2} />
        ) : services.length === 0 ? (
          <Note tone="warn">
            <b className="b6">It stands before no workload.</b> A trial that sees no call says nothing.
          </Note>
        ) : found.length === 0 ? (
          requests > 0 ? (
            <Note tone="ok">
              <b className="b6">It would have denied nobody.</b> {checked}
            </Note>
          ) : (
            <Note tone="unknown">
              <b className="b6">Nobody called {since ? 'since it began' : 'in the last hour'}.</b> The trial has seen
              nothing to decide yet.
            </Note>
          )
        ) : (
          <>
            <Note tone="deny">
              <b className="b6">
                It would have denied {plural(new Set(found.map((each) => each.source)).size, 'caller')}.
              </b>{' '}
              They were let through. {checked}
            </Note>
            <table className="t" aria-label={`Whom ${name} would have denied`}>
              <thead>
                <tr>
                  <th scope="col">Caller</th>
                  <th scope="col">Service</th>
                  <th scope="col" className="r">
                    Calls
                  </th>
                  <th scope="col" className="r">
                    Last
                  </th>
                  <th scope="col">
                    <span className="sr">What to do</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {found.map((each) => (
                  <tr key={`${each.source} ${each.destination} ${each.document ?? ''}`}>
                    <td className="b5">{each.source}</td>
                    <td>{shortName(each.destination)}</td>
                    <td className="r">{each.requests.toLocaleString('en-US')}</td>
                    <td className="r">
                      <Ago at={each.lastSeen} />
                    </td>
                    <td className="r way">
                      <Link to="/access" search={{ from: each.source, to: each.destination }}>
                        Would it pass?
                      </Link>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </>
        )}
      </div>
    </Card>
  );
}

/** Policies that decide nothing yet, with what they would have decided. */
export function Trials({ policies }: { policies: AnyDocument[] }) {
  if (policies.length === 0)
    return (
      <Empty
        icon={<FlaskConical aria-hidden />}
        title="No trial run"
        actions={
          <Link to="/access/suggest" className="btn p lg">
            <WandSparkles className="i s" aria-hidden /> Suggest policies from what was seen
          </Link>
        }
      >
        A policy can be tried out before it decides: it counts whom it would have denied, and denies nobody.
      </Empty>
    );
  return (
    <div className="stack">
      {policies.map((policy) => (
        <Trial key={nameOf(policy)} policy={policy} />
      ))}
    </div>
  );
}

import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { placeOf } from '@/api/places';
import { queries } from '@/api/queries';
import type { Denied, Edge } from '@/api/types';
import { POLICIES, principalOf } from '@/features/access/principals';
import { DocumentLink } from '@/features/documents/DocumentLink';
import { Ago, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { State } from '@/ui/state';

/** "deny-admin, rule 2"; rules are counted from 1 for people. */
function ruleOf({ document, field }: Denied): string {
  const name = document?.split('/').pop() ?? '';
  const index = /\/(\d+)$/.exec(field)?.[1];
  return index === undefined ? name : `${name}, rule ${Number(index) + 1}`;
}

function causeOf({ cause, detail }: Denied): string {
  if (cause === 'token') return `A token that cannot be verified: ${detail}`;
  return cause === 'mtls' ? 'A connection without certificate' : 'No ALLOW policy admits it';
}

/** What can be done about a denial: the rule that denied, or a rule that would let the caller in, written as far as it is known. */
function WayOut({ denied, principal }: { denied: Denied; principal: string | undefined }) {
  const ask = (
    <Link to="/access" search={{ from: denied.source, to: denied.destination }}>
      Why?
    </Link>
  );
  const place = denied.document ? placeOf(denied.document) : null;
  if (place)
    return (
      <>
        {ask} ·{' '}
        <Link
          to="/documents/$plural/$namespace/$name/edit"
          params={{ plural: place.plural, namespace: place.namespace, name: place.name }}
        >
          Change the rule
        </Link>
      </>
    );
  if (!principal || denied.cause !== 'policy') return ask;
  return (
    <>
      {ask} ·{' '}
      <Link to="/documents/new" search={{ kind: POLICIES, service: denied.destination, principal }}>
        Draft a rule that allows it
      </Link>
    </>
  );
}

function Row({ denied, principal }: { denied: Denied; principal: string | undefined }) {
  return (
    <tr>
      <td className="wrapcell">
        {denied.document ? (
          <DocumentLink document={denied.document} field={denied.field}>
            {ruleOf(denied)}
          </DocumentLink>
        ) : (
          causeOf(denied)
        )}
        <div>
          {denied.dryRun ? <State tone="idle">Trial run, was let through</State> : <State tone="deny">Denied</State>}
        </div>
        <div className="sm ways">
          <WayOut denied={denied} principal={principal} />
        </div>
      </td>
      <td className="r">{denied.requests.toLocaleString('en-US')}</td>
      <td className="r">
        <Ago at={denied.lastSeen} />
      </td>
    </tr>
  );
}

/** Which rules denied the calls of an edge, or would have in a dry run. */
export function DeniedBy({ edge, window, at }: { edge: Edge; window: string; at?: string }) {
  const { data, error } = useQuery(queries.denials({ source: edge.source, destination: edge.destination }, window, at));
  // Who the caller is: a policy names it by its certificate.
  const pair = { caller: edge.source, service: edge.destination };
  const matrix = useQuery({ ...queries.accessMatrix(pair, window, at), enabled: (data?.items.length ?? 0) > 0 });
  const identity = matrix.data?.callers.find(({ name }) => name === edge.source)?.identities.find(Boolean);
  const principal = principalOf(identity);
  if (error) return <ProblemNote error={error} what="What denied the calls could not be read." />;
  if (!data) return <Loading what="what denied calls" rows={2} />;
  if (data.items.length === 0) return <p className="dim">nothing in this time range</p>;
  return (
    <table className="t" aria-label="Denied by">
      <thead>
        <tr>
          <th scope="col">Rule</th>
          <th scope="col" className="r">
            Calls
          </th>
          <th scope="col" className="r">
            Last
          </th>
        </tr>
      </thead>
      <tbody>
        {data.items.map((denied, index) => (
          <Row key={index} denied={denied} principal={principal} />
        ))}
      </tbody>
    </table>
  );
}

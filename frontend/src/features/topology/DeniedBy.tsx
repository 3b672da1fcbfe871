import { useQuery } from '@tanstack/react-query';
import { queries } from '@/api/queries';
import type { Denied, Edge } from '@/api/types';
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

function Row({ denied }: { denied: Denied }) {
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
          <Row key={index} denied={denied} />
        ))}
      </tbody>
    </table>
  );
}

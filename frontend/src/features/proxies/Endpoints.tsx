import { useQuery } from '@tanstack/react-query';
import { queries } from '@/api/queries';
import { SIGHT_WORDS } from '@/features/services/health';
import { shortName } from '@/ui/format';
import { Ago, Section } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { State } from '@/ui/state';

/** What this proxy found out about the endpoints that it calls or checks: those that are out one by one, the others as a number. */
export function Endpoints({ proxy }: { proxy: string }) {
  const { data, error } = useQuery(queries.proxyEndpoints(proxy));
  if (error) return <ProblemNote error={error} what="The endpoints that it calls could not be read." />;
  if (!data?.at) return null;
  const out = data.endpoints.filter(({ state }) => state !== 'healthy');
  const healthy = data.endpoints.length - out.length;
  return (
    <Section title="Endpoints it calls" meta="by its own calls and checks">
      <div className="row wrap">
        {data.endpoints.length === 0 ? (
          <State tone="idle">It called nobody</State>
        ) : (
          <State tone={out.length ? 'warn' : 'ok'}>
            {healthy} of {data.endpoints.length} healthy
          </State>
        )}
        <span className="dim sm">
          observed <Ago at={data.at} />
        </span>
      </div>
      {out.length > 0 && (
        <table className="t" aria-label="Endpoints that are out">
          <tbody>
            {out.map((each) => (
              <tr key={`${each.service} ${each.port} ${each.address}`}>
                <td>
                  {shortName(each.service)}:{each.port}
                  <div className="dim mono sm ell">{each.address}</div>
                </td>
                <td>
                  <State tone={SIGHT_WORDS[each.state].tone}>{SIGHT_WORDS[each.state].word}</State>
                </td>
                <td className="r dim">
                  <Ago at={each.since} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Section>
  );
}

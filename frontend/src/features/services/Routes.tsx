import { Link } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import type { HttpRouteDocument, RouteRule } from '@/api/types';
import { percent, plural } from '@/ui/format';
import { Card } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { Conditions } from './Conditions';
import { matchWords, routesOf, share } from './model';

function Rule({ rule, route }: { rule: RouteRule; route: HttpRouteDocument }) {
  const backends = rule.backendRefs ?? [];
  const goes = backends.length
    ? backends.map((backend) => `${backend.name}:${backend.port} ${percent(share(backend, backends))}`).join(' · ')
    : 'answered by the proxy';
  return (
    <tr>
      <td className="mono wrapcell">{matchWords(rule)}</td>
      <td className="wrapcell">{goes}</td>
      <td>{rule.timeouts?.request ?? 'none'}</td>
      <td className="dim">{route.metadata.name}</td>
    </tr>
  );
}

/** The routes that name this service as parent, and what each rule does. */
export function Routes({
  service,
  routes,
  error,
}: {
  service: string;
  routes: HttpRouteDocument[] | undefined;
  error: Error | null;
}) {
  const own = routes ? routesOf(routes, service) : [];
  return (
    <Card
      title="Routes"
      meta={routes && `${plural(own.length, 'HTTPRoute')} for this service`}
      aside={
        <Link className="btn q" to="/documents/new" search={{ kind: 'httproutes', service }}>
          <Plus className="i s" aria-hidden /> Add a route
        </Link>
      }
    >
      {error && (
        <div className="b">
          <ProblemNote error={error} what="Routes could not be read." />
        </div>
      )}
      {routes && own.length === 0 && (
        <div className="b two">No route names this service. Every call goes to its own workloads.</div>
      )}
      {own.length > 0 && (
        <table className="t" aria-label="Routes">
          <thead>
            <tr>
              <th scope="col">Calls to</th>
              <th scope="col">Go to</th>
              <th scope="col">Timeout</th>
              <th scope="col">HTTPRoute</th>
            </tr>
          </thead>
          <tbody>
            {own.flatMap((route) =>
              (route.spec.rules ?? [{}]).map((rule, index) => (
                <Rule key={`${route.metadata.name} ${index}`} rule={rule} route={route} />
              )),
            )}
          </tbody>
        </table>
      )}
      {own.some((route) => route.status.conditions.some((condition) => condition.status !== 'True')) && (
        <div className="b col">
          {own.map((route) => (
            <Conditions
              key={route.metadata.name}
              conditions={route.status.conditions}
              document={`HTTPRoute ${route.metadata.name}`}
            />
          ))}
        </div>
      )}
    </Card>
  );
}

import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { queries } from '@/api/queries';
import type { Edge, Proxy } from '@/api/types';
import { shortName } from '@/ui/format';
import { Card, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { CalledBlock, CalledDetails } from './parts';
import { called } from './words';

/** Proxies that can call, those first that were seen calling this service, the busiest of them on top. */
export function callersOf(service: string, edges: Edge[], proxies: Proxy[]): Proxy[] {
  const rate = (proxy: Proxy) =>
    Math.max(
      -1,
      ...edges
        .filter((edge) => edge.destination === service && proxy.services.includes(edge.source))
        .map((edge) => edge.rps),
    );
  return proxies.filter((proxy) => !proxy.gateway).sort((a, b) => rate(b) - rate(a) || a.id.localeCompare(b.id));
}

interface Props {
  service: string;
  edges: Edge[] | undefined;
  proxies: Proxy[] | undefined;
}

function Seen({ proxy, service }: { proxy: string; service: string }) {
  const { data, error, isPending, refetch } = useQuery(queries.effective(proxy));
  if (isPending) return <Loading what="what holds for this caller" rows={4} />;
  if (error) {
    return (
      <div className="b">
        <ProblemNote error={error} what="What holds could not be read." onRetry={() => void refetch()} />
      </div>
    );
  }
  const ports = called(data).filter(({ upstream }) => upstream.service === service);
  const [only, ...more] = ports;
  if (!only)
    return <p className="b two">{shortName(proxy)} cannot call this service: no port of it is among its calls.</p>;
  if (more.length === 0) return <CalledDetails called={only} />;
  return ports.map((each, index) => <CalledBlock key={each.key} called={each} open={index === 0} />);
}

/** What holds for calls to a service, as one of its callers sees it. */
export function CallersView({ service, edges, proxies }: Props) {
  const [chosen, setChosen] = useState<string | null>(null);
  const callers = edges && proxies ? callersOf(service, edges, proxies) : [];
  const proxy = callers.find(({ id }) => id === chosen)?.id ?? callers[0]?.id;
  const namespace = proxy?.split('/')[0] ?? '';
  return (
    <Card
      title="Settings in force"
      meta="as this caller has them, and where each comes from"
      aside={
        proxy && (
          <div className="row">
            <Link className="sm" to="/proxies/$namespace/$name" params={{ namespace, name: shortName(proxy) }}>
              Open proxy
            </Link>
            <Select
              aria-label="Caller"
              allowDeselect={false}
              searchable
              value={proxy}
              style={{ width: 190 }}
              data={callers.map(({ id }) => id)}
              onChange={setChosen}
            />
          </div>
        )
      }
    >
      {!edges || !proxies ? (
        <Loading what="callers" rows={4} />
      ) : proxy ? (
        <Seen proxy={proxy} service={service} />
      ) : (
        <p className="b two">No sidecar is in the mesh that could call this service.</p>
      )}
    </Card>
  );
}

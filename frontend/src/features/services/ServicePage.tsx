import { useQuery } from '@tanstack/react-query';
import { Link, useParams, useSearch } from '@tanstack/react-router';
import { Split } from 'lucide-react';
import { DEFAULT_WINDOW, WINDOWS } from '@/app/search';
import { queries } from '@/api/queries';
import type { ServiceDocument, TopologyNode } from '@/api/types';
import { LastChanges } from '@/features/changes/LastChanges';
import { TrafficCharts } from '@/features/charts/TrafficCharts';
import { ServiceStarts } from '@/features/documents/ServiceStarts';
import { CallersView } from '@/features/effective/CallersView';
import { duration, figure, percent, plural, rate, shortName } from '@/ui/format';
import { Ago, Card, Facts, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { Note, Pill } from '@/ui/state';
import { Conditions } from './Conditions';
import { slowestCaller, stateOf, toRows, type ServiceRow } from './model';
import { Neighbours } from './Neighbours';
import { Routes } from './Routes';
import { Workloads } from './Workloads';

function headline(node: TopologyNode | undefined, p95: number | null): string {
  if (!node) return 'no numbers for this service in this time';
  if (node.rps === 0) return `no calls · ${plural(node.workloads.total, 'workload')}`;
  return [
    `${figure(node.rps)} requests/s`,
    `${percent(node.errorRate)} errors`,
    p95 === null ? '' : `p95 ${duration(p95)}`,
    plural(node.workloads.total, 'workload'),
  ]
    .filter(Boolean)
    .join(' · ');
}

function portsOf(service: ServiceDocument | undefined): string {
  return (service?.spec.ports ?? [])
    .map(({ port, appProtocol, name }) => `port ${port}${appProtocol || name ? ` · ${appProtocol ?? name}` : ''}`)
    .join(', ');
}

function Versions({ node, span }: { node: TopologyNode; span: string }) {
  if (node.versions.length === 0) return null;
  return (
    <Card
      title="Versions"
      meta="wanted share from the route, seen share from what arrived"
      aside={<span className="dim sm">{span}</span>}
    >
      <table className="t" aria-label="Versions">
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Share wanted</th>
            {['Share seen', 'Requests', 'Errors', 'p50', 'p95'].map((head) => (
              <th key={head} scope="col" className="r">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {node.versions.map((version, index) => {
            const colour = `var(--v${(index % 6) + 1})`;
            return (
              <tr key={version.service}>
                <th scope="row" style={{ color: 'var(--ink)', fontSize: 13 }}>
                  <span className="row">
                    <span aria-hidden style={{ width: 10, height: 10, borderRadius: 2, background: colour }} />
                    {version.label}
                  </span>
                </th>
                <td>
                  <span className="row">
                    <span className="bar" style={{ width: 96 }} aria-hidden>
                      <i style={{ width: `${version.weight * 100}%`, background: colour }} />
                    </span>
                    {percent(version.weight)}
                  </span>
                </td>
                <td className="r">{version.share === null ? 'not seen' : percent(version.share)}</td>
                <td className="r">{rate(version.rps)}</td>
                <td className="r">{percent(version.errorRate)}</td>
                <td className="r">{duration(version.p50)}</td>
                <td className="r">{duration(version.p95)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Card>
  );
}

function About({ service }: { service: ServiceDocument }) {
  const selector = Object.entries(service.spec.selector ?? {});
  return (
    <Card title="Document" meta={`Service ${service.metadata.name}`}>
      <div className="b col">
        <Facts
          items={[
            ['Ports', portsOf(service)],
            [
              'Selects',
              selector.length ? (
                <span key="selector" className="row wrap" style={{ gap: 4 }}>
                  {selector.map(([key, value]) => (
                    <span key={key} className="tag">
                      {key}: {value}
                    </span>
                  ))}
                </span>
              ) : (
                'no workload by itself'
              ),
            ],
            ['Generation', String(service.metadata.generation)],
            ['Created', <Ago key="created" at={service.metadata.creationTimestamp} />],
          ]}
        />
        <Conditions conditions={service.status.conditions} document="Service" />
      </div>
    </Card>
  );
}

function useService(namespace: string, name: string) {
  const search = useSearch({ from: '/console/services/$namespace/$name' });
  const id = `${namespace}/${name}`;
  const window = search.window ?? DEFAULT_WINDOW;
  const service = useQuery(queries.document('services', id));
  // Callers may live anywhere: the namespace filter must not hide them here.
  const topology = useQuery(queries.topology(window, undefined, search.at));
  const proxies = useQuery(queries.proxies());
  const routes = useQuery(queries.documents('httproutes'));
  const row = service.data && toRows([service.data], topology.data)[0];
  return { id, window, at: search.at, service, topology, proxies, routes, row };
}

type ServicePageState = ReturnType<typeof useService>;

function VersionOf({ shared }: { shared: NonNullable<ServiceRow['versionOf']> }) {
  return (
    <Note tone="unknown">
      Calls arrive here as a version of{' '}
      <Link
        to="/services/$namespace/$name"
        params={{
          namespace: shared.service.split('/')[0] ?? '',
          name: shortName(shared.service),
        }}
      >
        {shortName(shared.service)}
      </Link>
      : {rate(shared.version.rps)}, {percent(shared.version.errorRate)} errors, p95 {duration(shared.version.p95)}.
    </Note>
  );
}

function Main({ page, document }: { page: ServicePageState; document: ServiceDocument }) {
  const { id, at, window, row, topology, routes } = page;
  const { name } = document.metadata;
  return (
    <div className="stack">
      {row?.versionOf && <VersionOf shared={row.versionOf} />}
      <Card title="Calls received" meta="last hour" aside={<span className="dim sm">dashed lines are changes</span>}>
        <TrafficCharts row destination={id} window="1h" at={at} />
      </Card>
      {row?.node && <Versions node={row.node} span={WINDOWS[window].toLowerCase()} />}
      <Card
        title={`Who calls ${name}, and whom it calls`}
        aside={
          <Link to="/topology" search={{ node: id }}>
            Show in topology
          </Link>
        }
      >
        {topology.error ? (
          <div className="b">
            <ProblemNote
              error={topology.error}
              what="Neighbours could not be read."
              onRetry={() => void topology.refetch()}
            />
          </div>
        ) : (
          <Neighbours id={id} edges={topology.data?.edges ?? []} ports={portsOf(document)} />
        )}
      </Card>
      <CallersView service={id} edges={topology.data?.edges} proxies={page.proxies.data} />
      <Routes service={id} routes={routes.data} error={routes.error} />
    </div>
  );
}

function Aside({ page, document }: { page: ServicePageState; document: ServiceDocument }) {
  const { id, routes } = page;
  const { name } = document.metadata;
  const namespace = document.metadata.namespace ?? '';
  const own = (routes.data ?? []).filter(
    (route) => route.metadata.namespace === namespace && route.spec.parentRefs.some((ref) => ref.name === name),
  );
  const documents = new Set([`Service ${name}`, ...own.map((route) => `HTTPRoute ${route.metadata.name}`)]);
  return (
    <div className="stack">
      <About service={document} />
      <LastChanges
        all={name}
        here={(revision) =>
          revision.changes.some(
            (change) => change.namespace === namespace && documents.has(`${change.kind} ${change.name}`),
          )
        }
      />
      <Workloads service={id} />
    </div>
  );
}

export function ServicePage() {
  const { namespace, name } = useParams({ from: '/console/services/$namespace/$name' });
  const page = useService(namespace, name);
  const { id, service, topology, row } = page;
  const edges = topology.data?.edges ?? [];
  const state = row && stateOf(row);
  return (
    <div className="page">
      <div className="ph">
        <div style={{ minWidth: 0 }}>
          <nav className="crumb" aria-label="Way here">
            <Link to="/services">Services</Link> <span aria-hidden>›</span> {namespace}
          </nav>
          <div className="row wrap">
            <h1>{name}</h1>
            {state && topology.data && <Pill tone={state.tone}>{state.word}</Pill>}
            {topology.data && <span className="sub">{headline(row?.node, slowestCaller(edges, id))}</span>}
          </div>
        </div>
        <span className="sp" />
        <ServiceStarts service={id} />
        <Link className="btn p" to="/services/$namespace/$name/shift" params={{ namespace, name }}>
          <Split className="i s" aria-hidden /> Shift traffic
        </Link>
      </div>
      <div className="scroll pad" style={{ paddingTop: 4 }}>
        {service.error && (
          <ProblemNote
            error={service.error}
            what={`Service ${id} could not be read.`}
            onRetry={() => void service.refetch()}
          />
        )}
        {service.isPending && <Loading what="the service" />}
        {service.data && (
          <div className="grid">
            <Main page={page} document={service.data} />
            <Aside page={page} document={service.data} />
          </div>
        )}
      </div>
    </div>
  );
}

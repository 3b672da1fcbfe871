import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { DEFAULT_WINDOW, WINDOWS } from '@/app/search';
import { queries } from '@/api/queries';
import type { Edge, Mesh, Proxy, Topology } from '@/api/types';
import { reasonOf, stateOf } from '@/features/changes/words';
import { absolute, duration, namespaceOf, percent, plural, rate, shortName, span, until } from '@/ui/format';
import { useNow } from '@/ui/now';
import { Ago, Card, Facts, Loading, splitUnit, Stat } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { Note, State, ToneIcon } from '@/ui/state';
import { attention, type Goal, type Item } from './attention';
import './home.css';

function GoalLink({ goal, children }: { goal: Goal; children: string }) {
  if (goal.page === 'edge') {
    return (
      <Link className="btn" to="/topology" search={{ edge: goal.edge }}>
        {children}
      </Link>
    );
  }
  if (goal.page === 'access') {
    return (
      <Link className="btn" to="/access" search={{ from: goal.from, to: goal.to }}>
        {children}
      </Link>
    );
  }
  if (goal.page === 'proxy') {
    return (
      <Link className="btn" to="/proxies" search={{ proxy: goal.id }}>
        {children}
      </Link>
    );
  }
  return (
    <Link
      className="btn"
      to="/services/$namespace/$name"
      params={{ namespace: namespaceOf(goal.id), name: shortName(goal.id) }}
    >
      {children}
    </Link>
  );
}

function AttentionList({ items, looked }: { items: Item[]; looked: number }) {
  const now = useNow();
  if (items.length === 0) {
    return (
      <section className="card" aria-label="Needs attention">
        <div className="b row">
          <State tone="ok">Nothing needs attention.</State>
          <span className="dim">Last looked {span(now - looked)} ago.</span>
        </div>
      </section>
    );
  }
  return (
    <section className="card" aria-label="Needs attention">
      <ul className="attention">
        {items.map((item) => (
          <li key={item.key}>
            <span className={`st ${item.tone}`}>
              <ToneIcon tone={item.tone} className="i" />
              <span className="sr">{{ bad: 'Failing', deny: 'Denied', warn: 'Degraded' }[item.tone]}</span>
            </span>
            <div style={{ minWidth: 0 }}>
              <b className="b6">{item.title}</b>
              <div className="sm two">{item.cause}</div>
            </div>
            <span className="dim">
              <Ago at={item.since} empty="" />
            </span>
            <GoalLink goal={item.goal}>{item.action}</GoalLink>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Share of the calls seen that were encrypted; null when no edge could tell. */
export function encryptedShare(edges: Edge[]): number | null {
  const told = edges.filter((edge) => edge.mtls !== null && edge.requests > 0);
  const all = told.reduce((sum, edge) => sum + edge.requests, 0);
  return all === 0 ? null : told.reduce((sum, edge) => sum + (edge.mtls ? edge.requests : 0), 0) / all;
}

function Golden({ topology }: { topology: Topology }) {
  const { edges } = topology;
  const rps = edges.reduce((sum, edge) => sum + edge.rps, 0);
  const errors = edges.reduce((sum, edge) => sum + edge.errors, 0);
  const denied = edges.reduce((sum, edge) => sum + edge.denied, 0);
  const slowest = Math.max(-1, ...edges.map((edge) => edge.p95 ?? -1));
  const encrypted = encryptedShare(edges);
  const numbers = [
    { label: 'Requests', text: rate(rps) },
    { label: 'Errors', text: rps > 0 ? percent(errors / rps) : '–' },
    { label: 'Slowest p95', text: slowest < 0 ? '–' : duration(slowest) },
    { label: 'Denied', text: rate(denied), tone: denied > 0 ? ('deny' as const) : undefined },
    { label: 'Encrypted', text: encrypted === null ? '–' : percent(encrypted) },
  ];
  return (
    <section className="card golden" aria-label="The mesh in numbers">
      {numbers.map(({ label, text, tone }) => (
        <Stat key={label} label={label} tone={tone} {...splitUnit(text)} />
      ))}
    </section>
  );
}

function namespaceState(topology: Topology, name: string): React.ReactNode {
  const nodes = topology.nodes.filter((node) => node.namespace === name);
  const failing = nodes.filter((node) => node.health === 'bad').length;
  const degraded = nodes.filter((node) => node.health === 'warn').length;
  if (failing) return <State tone="bad">{`${failing} failing${degraded ? `, ${degraded} degraded` : ''}`}</State>;
  if (degraded) return <State tone="warn">{degraded} degraded</State>;
  const denied = new Set(
    topology.edges
      .filter((edge) => edge.health === 'deny' && namespaceOf(edge.source) === name)
      .map((edge) => edge.source),
  ).size;
  if (denied) return <State tone="deny">{plural(denied, 'caller')} denied</State>;
  if (nodes.some((node) => node.health === 'ok')) return <State tone="ok">Healthy</State>;
  return (
    <State tone={nodes.some((node) => node.health === 'idle') ? 'idle' : 'unknown'}>
      {nodes.some((node) => node.health === 'idle') ? 'No traffic' : 'Unknown'}
    </State>
  );
}

function Namespaces({ topology, proxies, span: range }: { topology: Topology; proxies: Proxy[]; span: string }) {
  const names = [
    ...new Set([...topology.nodes.map((node) => node.namespace), ...proxies.map((proxy) => proxy.namespace)]),
  ]
    .filter(Boolean)
    .sort();
  if (names.length === 0) return null;
  return (
    <Card title="Namespaces" meta={range} aside={<Link to="/services">All services</Link>}>
      <table className="t" aria-label="Namespaces">
        <thead>
          <tr>
            <th scope="col">Namespace</th>
            <th scope="col">State</th>
            {['Services', 'Proxies live', 'Requests', 'Errors'].map((head) => (
              <th key={head} scope="col" className="r">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.map((name) => {
            const services = topology.nodes.filter((node) => node.namespace === name && node.kind === 'service');
            const own = proxies.filter((proxy) => proxy.namespace === name);
            const rps = services.reduce((sum, node) => sum + node.rps, 0);
            const errors = services.reduce((sum, node) => sum + node.rps * node.errorRate, 0);
            return (
              <tr key={name}>
                <td>
                  <Link to="/services" search={(previous) => ({ ns: name, window: previous.window, at: previous.at })}>
                    {name}
                  </Link>
                </td>
                <td>{namespaceState(topology, name)}</td>
                <td className="r">{services.length}</td>
                <td className="r">
                  {own.filter((proxy) => proxy.state === 'synced').length} of {own.length}
                </td>
                <td className="r">{rate(rps)}</td>
                <td className="r">{rps > 0 ? percent(errors / rps) : '–'}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Card>
  );
}

function LastChanges() {
  const { data, error } = useInfiniteQuery(queries.revisions());
  const newest = data?.pages[0]?.items.slice(0, 5) ?? [];
  return (
    <Card title="Last changes" aside={<Link to="/changes">All</Link>}>
      {error && <div className="b dim">Changes could not be read.</div>}
      {data && newest.length === 0 && <div className="b dim">No change yet.</div>}
      <ul className="attention changes">
        {newest.map((revision) => (
          <li key={revision.number}>
            <Link className="mono" to="/changes" search={{ revision: revision.number }}>
              r{revision.number}
            </Link>
            <div style={{ minWidth: 0 }}>
              <div className="ell">{reasonOf(revision)}</div>
              <span className="sm dim row" style={{ gap: 4 }}>
                <State tone={stateOf(revision).tone}>{stateOf(revision).word}</State> · {revision.author} ·{' '}
                <Ago at={revision.createdAt} />
              </span>
            </div>
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** The first steps, for as long as one of them is open. */
function SetUp({ mesh }: { mesh: Mesh }) {
  const steps = [
    { done: true, label: 'Start the control plane' },
    { done: mesh.proxies.total > 0, label: 'Add the first VM', to: '/add-vm' as const },
    { done: mesh.lastCall !== null, label: 'See the first call', to: '/topology' as const },
  ];
  const done = steps.filter((step) => step.done).length;
  if (done === steps.length) return null;
  return (
    <Card title="Finish setting up" meta={`${done} of ${steps.length}`}>
      <ul className="b col" style={{ listStyle: 'none', margin: 0 }}>
        {steps.map((step) => (
          <li key={step.label} className="row">
            <State tone={step.done ? 'ok' : 'idle'} quiet>
              {step.done || !step.to ? step.label : <Link to={step.to}>{step.label}</Link>}
              <span className="sr">{step.done ? ', done' : ', open'}</span>
            </State>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Identity({ mesh, proxies }: { mesh: Mesh; proxies: Proxy[] | undefined }) {
  const now = useNow();
  const ends = mesh.certificateAuthority.expiresAt;
  return (
    <Card title="Mesh identity">
      <div className="b">
        <Facts
          items={[
            [
              'Issuing CA',
              <span key="ca" title={absolute(ends)}>
                ends in {until(ends, now)}
              </span>,
            ],
            ['Subject', <code key="subject">{mesh.certificateAuthority.subject}</code>],
            ['Trust domain', <code key="trust">{mesh.trustDomain}</code>],
            [
              'Certificates',
              proxies
                ? `${proxies.filter((proxy) => proxy.certificate && Date.parse(proxy.certificate.expiresAt) > now).length} valid on ${plural(proxies.length, 'proxy', 'proxies')}`
                : 'not read yet',
            ],
          ]}
        />
      </div>
    </Card>
  );
}

function title(items: Item[], ready: boolean): string {
  if (!ready) return 'Home';
  return items.length === 0
    ? 'Nothing needs attention'
    : `${plural(items.length, 'thing needs', 'things need')} attention`;
}

export function HomePage() {
  const search = useSearch({ from: '/console/' });
  const window = search.window ?? DEFAULT_WINDOW;
  const mesh = useQuery(queries.mesh());
  const topology = useQuery(queries.topology(window, search.ns, search.at));
  const proxies = useQuery(queries.proxies(search.ns));
  const now = useNow();
  const ready = topology.data !== undefined && proxies.data !== undefined;
  const items = attention(topology.data, proxies.data, now);
  const failed = topology.error ?? proxies.error;
  return (
    <div className="page">
      <div className="ph">
        <h1>{title(items, ready)}</h1>
        {topology.data && proxies.data && (
          <span className="sub">
            {plural(topology.data.nodes.filter((node) => node.kind === 'service').length, 'service')} ·{' '}
            {plural(proxies.data.length, 'proxy', 'proxies')}
          </span>
        )}
        <span className="sp" />
        <Link className="btn" to="/add-vm">
          <Plus className="i s" aria-hidden /> Add a VM
        </Link>
      </div>
      <div className="scroll pad" style={{ paddingTop: 2 }}>
        <div className="grid home">
          <div className="stack">
            {failed && (
              <ProblemNote
                error={failed}
                what="The state of the mesh could not be read in full."
                onRetry={() => void Promise.all([topology.refetch(), proxies.refetch()])}
              />
            )}
            {!ready && !failed && <Loading what="the mesh" />}
            {ready && <AttentionList items={items} looked={Math.max(topology.dataUpdatedAt, proxies.dataUpdatedAt)} />}
            {topology.data && topology.data.reporting === 0 && topology.data.connected > 0 && (
              <Note tone="warn">
                No proxy reports numbers at the moment.{' '}
                {topology.data.telemetryAt ? 'What you see may be old.' : 'Failing and slow calls cannot be seen.'}
              </Note>
            )}
            {topology.data && <Golden topology={topology.data} />}
            {topology.data && proxies.data && (
              <Namespaces topology={topology.data} proxies={proxies.data} span={WINDOWS[window].toLowerCase()} />
            )}
          </div>
          <div className="stack">
            {mesh.data && <SetUp mesh={mesh.data} />}
            <LastChanges />
            {mesh.data && <Identity mesh={mesh.data} proxies={proxies.data} />}
          </div>
        </div>
      </div>
    </div>
  );
}

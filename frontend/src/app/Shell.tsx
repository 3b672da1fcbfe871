import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useSearch } from '@tanstack/react-router';
import { FileText, GitCommitVertical, House, MonitorUp, Network, Boxes, PlugZap, ShieldCheck } from 'lucide-react';
import { Suspense, type ReactNode } from 'react';
import { queries } from '@/api/queries';
import { ErrorBoundary } from '@/ui/boundary';
import { clock, plural, span } from '@/ui/format';
import { Logo } from '@/ui/logo';
import { useNow } from '@/ui/now';
import { Loading } from '@/ui/parts';
import { ToneIcon } from '@/ui/state';
import { useHints, useLiveState } from './live';
import { TopBar } from './TopBar';

interface Entry {
  to: '/' | '/topology' | '/services' | '/proxies' | '/add-vm' | '/access' | '/changes' | '/documents';
  label: string;
  icon: ReactNode;
}

const GROUPS: { title?: string; entries: Entry[] }[] = [
  {
    entries: [
      { to: '/', label: 'Home', icon: <House className="i" aria-hidden /> },
      { to: '/topology', label: 'Topology', icon: <Network className="i" aria-hidden /> },
    ],
  },
  { title: 'Traffic', entries: [{ to: '/services', label: 'Services', icon: <Boxes className="i" aria-hidden /> }] },
  {
    title: 'Fleet',
    entries: [
      { to: '/proxies', label: 'Proxies', icon: <PlugZap className="i" aria-hidden /> },
      { to: '/add-vm', label: 'Add a VM', icon: <MonitorUp className="i" aria-hidden /> },
    ],
  },
  { title: 'Security', entries: [{ to: '/access', label: 'Access', icon: <ShieldCheck className="i" aria-hidden /> }] },
  {
    title: 'History',
    entries: [
      { to: '/changes', label: 'Changes', icon: <GitCommitVertical className="i" aria-hidden /> },
      { to: '/documents', label: 'Documents', icon: <FileText className="i" aria-hidden /> },
    ],
  },
];

/** What runs in the control plane, and how old the numbers are. */
function ControlPlane() {
  const mesh = useQuery(queries.mesh());
  const now = useNow();
  if (!mesh.data) {
    return (
      <div className="cp">
        <b>
          <ToneIcon tone={mesh.isError ? 'bad' : 'unknown'} />
          <span>{mesh.isError ? 'Control plane does not answer' : 'Reading the control plane'}</span>
        </b>
      </div>
    );
  }
  const { revision, proxies, telemetryAt } = mesh.data;
  return (
    <div className="cp">
      <b>
        <ToneIcon tone={mesh.isError ? 'bad' : 'ok'} />
        <span>{mesh.isError ? 'Control plane does not answer' : 'Control plane running'}</span>
      </b>
      <span>
        Revision {revision} · {proxies.connected} of {plural(proxies.total, 'proxy', 'proxies')} connected ·{' '}
        {telemetryAt ? `numbers ${span(now - Date.parse(telemetryAt))} old` : 'no numbers yet'}
      </span>
    </div>
  );
}

function Rail() {
  const mesh = useQuery(queries.mesh());
  const refused = mesh.data?.proxies.rejected ?? 0;
  return (
    <nav className="rail" aria-label="Pages">
      {GROUPS.map((group, index) => (
        <div key={group.title ?? index}>
          {group.title && <div className="group">{group.title}</div>}
          <ul>
            {group.entries.map(({ to, label, icon }) => (
              <li key={to}>
                <Link to={to} activeOptions={{ exact: to === '/', includeSearch: false }} title={label}>
                  {icon}
                  <span>{label}</span>
                  {to === '/proxies' && refused > 0 && (
                    <span className="n bad" aria-label={`${refused} refused`}>
                      {refused}
                    </span>
                  )}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
      <ControlPlane />
    </nav>
  );
}

function StaleBar() {
  const { at } = useSearch({ from: '/console' });
  const live = useLiveState(at);
  const now = useNow();
  if (live.kind !== 'reconnecting' && live.kind !== 'offline') return <div role="status" className="sr" />;
  const word = live.kind === 'offline' ? 'This browser is offline.' : 'Reconnecting.';
  return (
    <div role="status" className="strip">
      <ToneIcon tone="warn" />
      <span>
        <b className="b6">{word}</b> The control plane does not answer.{' '}
        {live.asOf ? `You see the mesh as of ${clock(live.asOf)}, ${span(now - live.asOf)} ago. ` : ''}
        Calls between services keep running.
      </span>
    </div>
  );
}

export function Shell() {
  useHints();
  const mesh = useQuery(queries.mesh());
  return (
    <div className="shell">
      <header style={{ display: 'contents' }}>
        <a className="skip" href="#main">
          Skip to the page
        </a>
        <Link to="/" className="brand">
          <Logo />
          <span className="w">meshweb</span>
          {mesh.data && <span className="mesh">{mesh.data.name}</span>}
        </Link>
        <TopBar />
      </header>
      <Rail />
      <main className="main" id="main" tabIndex={-1}>
        <StaleBar />
        <ErrorBoundary>
          <Suspense fallback={<Loading what="the page" />}>
            <Outlet />
          </Suspense>
        </ErrorBoundary>
      </main>
    </div>
  );
}

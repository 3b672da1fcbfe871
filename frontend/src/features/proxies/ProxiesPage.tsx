import { Tooltip } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Check, Maximize2, PlugZap, Plus } from 'lucide-react';
import { useMemo } from 'react';
import { queries } from '@/api/queries';
import type { Proxy, XdsType } from '@/api/types';
import { FilterBar, NothingMatches } from '@/ui/filter';
import { NOTHING, plural, shortName, until } from '@/ui/format';
import { useNow } from '@/ui/now';
import { Ago, Empty, Loading, Panel } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { Pill, State, ToneIcon } from '@/ui/state';
import { DataTable, type Column } from '@/ui/table';
import { ProxyDetails } from './ProxyDetails';
import { attentionFirst, certificateEndsSoon, matches, STATE_WORDS, TYPE_SAYS, TYPE_WORDS, TYPES } from './words';

type Filter = 'rejected' | 'pending' | 'disconnected' | 'certificate';

const CHIPS: { key: Filter; label: string; tone: 'bad' | 'go' | 'away' | 'warn' }[] = [
  { key: 'rejected', label: 'Refused', tone: 'bad' },
  { key: 'pending', label: 'Catching up', tone: 'go' },
  { key: 'disconnected', label: 'Not connected', tone: 'away' },
  { key: 'certificate', label: 'Certificate ends within 6 h', tone: 'warn' },
];

function fits(proxy: Proxy, filter: Filter | undefined, now: number): boolean {
  if (!filter) return true;
  if (filter === 'certificate') return certificateEndsSoon(proxy, now);
  if (filter === 'pending') return proxy.state === 'pending' || proxy.state === 'joining';
  return proxy.state === filter;
}

function TypeMark({ proxy, type }: { proxy: Proxy; type: XdsType }) {
  const found = proxy.types.find((each) => each.type === type);
  const { tone, word } = TYPE_WORDS[found?.state ?? 'unsent'];
  return (
    <Tooltip label={`${word}${found?.detail ? `: ${found.detail}` : ''}`} multiline maw={360}>
      <span className={`st ${tone === 'ok' ? 'idle' : tone}`} role="img" aria-label={`${type}: ${word}`}>
        {tone === 'ok' ? <Check className="i s" aria-hidden /> : <ToneIcon tone={tone} />}
      </span>
    </Tooltip>
  );
}

function CertificateEnd({ proxy, now }: { proxy: Proxy; now: number }) {
  if (!proxy.certificate) return <>{NOTHING}</>;
  const end = until(proxy.certificate.expiresAt, now);
  return certificateEndsSoon(proxy, now) ? <State tone="warn">{end}</State> : <>{end}</>;
}

function columnsOf(now: number, narrow: boolean): Column<Proxy>[] {
  const state = (proxy: Proxy) => STATE_WORDS[proxy.state];
  const all: (Column<Proxy> & { low?: boolean })[] = [
    { key: 'state', head: 'State', cell: (proxy) => <State tone={state(proxy).tone}>{state(proxy).word}</State> },
    {
      key: 'proxy',
      head: 'Proxy',
      isName: true,
      sortBy: (proxy) => proxy.id,
      cell: (proxy) => (
        <Link from="/proxies" to="/proxies" search={(previous) => ({ ...previous, proxy: proxy.id })} replace>
          {proxy.name}
        </Link>
      ),
    },
    { key: 'namespace', head: 'Namespace', className: 'dim low', cell: (proxy) => proxy.namespace, low: true },
    {
      key: 'service',
      head: 'Service',
      className: 'dim short',
      cell: (proxy) => (
        <span title={proxy.services.join(', ')}>{proxy.services.map(shortName).join(', ') || NOTHING}</span>
      ),
    },
    {
      key: 'runs',
      head: 'Runs',
      align: 'r',
      sortBy: (proxy) => proxy.liveRevision ?? 0,
      cell: (proxy) => proxy.liveRevision ?? NOTHING,
    },
    ...TYPES.map((type): Column<Proxy> => ({
      key: type,
      align: 'c',
      head: (
        <Tooltip label={TYPE_SAYS[type]}>
          <span className="help">{type}</span>
        </Tooltip>
      ),
      cell: (proxy) => <TypeMark proxy={proxy} type={type} />,
    })),
    { key: 'health', head: 'Health', className: 'low', cell: (proxy) => <HealthWord proxy={proxy} />, low: true },
    { key: 'envoy', head: 'Envoy', className: 'dim low', cell: (proxy) => proxy.envoyVersion || NOTHING, low: true },
    {
      key: 'seen',
      head: 'Seen',
      align: 'r',
      className: 'dim low',
      cell: (proxy) => <Ago at={proxy.lastSeen} />,
      low: true,
    },
    {
      key: 'certificate',
      head: 'Certificate',
      align: 'r',
      sortBy: (proxy) => -(proxy.certificate ? Date.parse(proxy.certificate.expiresAt) : 0),
      cell: (proxy) => <CertificateEnd proxy={proxy} now={now} />,
    },
  ];
  return narrow ? all.filter((column) => !column.low) : all;
}

function HealthWord({ proxy }: { proxy: Proxy }) {
  const words = { healthy: 'Healthy', unhealthy: 'Failing', unknown: 'Unknown' } as const;
  const tone = { healthy: 'ok', unhealthy: 'bad', unknown: 'unknown' } as const;
  return <State tone={tone[proxy.health.state]}>{words[proxy.health.state]}</State>;
}

function NoProxy() {
  return (
    <Empty
      icon={<PlugZap aria-hidden />}
      title="No proxy yet"
      actions={
        <Link to="/add-vm" className="btn p lg">
          <Plus className="i s" aria-hidden /> Add a VM
        </Link>
      }
    >
      A proxy appears here when a VM joins. It takes one command and about a minute.
    </Empty>
  );
}

function ProxyPanel({ id, proxies }: { id: string; proxies: Proxy[] }) {
  const navigate = useNavigate({ from: '/proxies' });
  const proxy = proxies.find((each) => each.id === id);
  const close = () => void navigate({ search: (previous) => ({ ...previous, proxy: undefined }), replace: true });
  if (!proxy) {
    return (
      <Panel title={shortName(id)} label={`Proxy ${id}`} onClose={close}>
        <div className="sec">
          <p className="say">There is no proxy {id}. It may have left the mesh.</p>
        </div>
      </Panel>
    );
  }
  const { tone, word } = STATE_WORDS[proxy.state];
  return (
    <Panel
      label={`Proxy ${id}`}
      onClose={close}
      title={
        <>
          {proxy.name}{' '}
          <Pill tone={tone}>
            {proxy.state === 'rejected' ? `Refused revision ${proxy.wantedRevision ?? ''}` : word}
          </Pill>
        </>
      }
      actions={
        <Link
          className="btn q ic"
          to="/proxies/$namespace/$name"
          params={{ namespace: proxy.namespace, name: proxy.name }}
          aria-label="Open page"
        >
          <Maximize2 className="i s" aria-hidden />
        </Link>
      }
    >
      <ProxyDetails proxy={proxy} />
    </Panel>
  );
}

function headline(proxies: Proxy[]): string {
  const newest = Math.max(0, ...proxies.map((proxy) => proxy.wantedRevision ?? 0));
  const live = proxies.filter((proxy) => proxy.state === 'synced').length;
  return `${live} of ${plural(proxies.length, 'proxy', 'proxies')} run what they should${newest ? `, newest is revision ${newest}` : ''}`;
}

export function ProxiesPage() {
  const search = useSearch({ from: '/console/proxies' });
  const navigate = useNavigate({ from: '/proxies' });
  const now = useNow();
  const { data, error, isPending, refetch } = useQuery(queries.proxies(search.ns));
  const narrow = search.proxy !== undefined;
  // The columns only need the minute: rebuilding them each second would sort the table each second.
  const minute = Math.floor(now / 60_000) * 60_000;
  const columns = useMemo(() => columnsOf(minute, narrow), [minute, narrow]);
  const proxies = useMemo(() => attentionFirst(data ?? [], minute), [data, minute]);
  const shown = proxies.filter((proxy) => fits(proxy, search.state, minute) && matches(proxy, search.q ?? ''));
  const set = (change: object) => void navigate({ search: (previous) => ({ ...previous, ...change }), replace: true });

  return (
    <div className="page">
      <div className="ph">
        <h1>Proxies</h1>
        {data && data.length > 0 && <span className="sub">{headline(data)}</span>}
        <span className="sp" />
        <Link to="/add-vm" className="btn p">
          <Plus className="i s" aria-hidden /> Add a VM
        </Link>
      </div>
      {proxies.length > 0 && (
        <FilterBar
          label="Filter proxies"
          all={proxies.length}
          chips={CHIPS.map((chip) => ({
            ...chip,
            count: proxies.filter((proxy) => fits(proxy, chip.key, minute)).length,
          }))}
          chosen={search.state}
          onChoose={(state) => set({ state })}
          find={{ label: 'Name, address, service', value: search.q, onChange: (q) => set({ q }) }}
        />
      )}
      {error && (
        <div className="pad" style={{ flex: 'none' }}>
          <ProblemNote error={error} what="Proxies could not be read." onRetry={() => void refetch()} />
        </div>
      )}
      {isPending && <Loading what="proxies" />}
      {data && (
        <div className={`work${search.proxy ? ' open' : ''}`}>
          <div className="tw">
            {proxies.length === 0 ? (
              <NoProxy />
            ) : shown.length === 0 ? (
              <NothingMatches
                what={search.q ?? search.state ?? ''}
                hidden={`${plural(proxies.length, 'proxy is', 'proxies are')}`}
                onClear={() => set({ q: undefined, state: undefined })}
              />
            ) : (
              <>
                <DataTable
                  full
                  label="Proxies"
                  columns={columns}
                  rows={shown}
                  rowKey={(proxy) => proxy.id}
                  selected={search.proxy}
                  onOpen={(proxy) => set({ proxy: proxy.id })}
                />
                <p className="pagefoot">
                  Attention first, then by name.
                  {narrow ? ' Columns that do not fit are hidden while the panel is open.' : ''}
                </p>
              </>
            )}
          </div>
          {search.proxy && <ProxyPanel id={search.proxy} proxies={proxies} />}
        </div>
      )}
    </div>
  );
}

import { Tooltip } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Boxes, Plus } from 'lucide-react';
import { useMemo } from 'react';
import { DEFAULT_WINDOW, WINDOWS } from '@/app/search';
import { queries } from '@/api/queries';
import { ServiceStarts } from '@/features/documents/ServiceStarts';
import { FilterBar, NothingMatches } from '@/ui/filter';
import { duration, NOTHING, percent, plural, rate, shortName } from '@/ui/format';
import { Empty, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { Note, State } from '@/ui/state';
import { DataTable, type Column } from '@/ui/table';
import { attentionFirst, stateOf, toRows, type ServiceRow } from './model';

function rps(row: ServiceRow): number | null {
  if (row.node && row.node.rps > 0) return row.node.rps;
  return row.versionOf?.version.rps ?? row.node?.rps ?? null;
}

function errors(row: ServiceRow): number | null {
  if (row.node && row.node.rps > 0) return row.node.errorRate;
  return row.versionOf?.version.errorRate ?? null;
}

function Split({ row }: { row: ServiceRow }) {
  const versions = row.node?.versions ?? [];
  if (versions.length > 1) {
    return (
      <span className="row">
        <span className="bar" style={{ width: 72 }} aria-hidden>
          {versions.map((version, index) => (
            <i
              key={version.service}
              style={{ width: `${version.weight * 100}%`, background: `var(--v${(index % 6) + 1})` }}
            />
          ))}
        </span>
        <span className="sm two">
          {versions.map((version) => `${version.label} ${percent(version.weight)}`).join(' · ')}
        </span>
      </span>
    );
  }
  if (row.versionOf) return <span className="sm dim">version of {shortName(row.versionOf.service)}</span>;
  return null;
}

const COLUMNS: Column<ServiceRow>[] = [
  {
    key: 'state',
    head: 'State',
    cell: (row) => {
      const { tone, word } = stateOf(row);
      return <State tone={tone}>{word}</State>;
    },
  },
  {
    key: 'service',
    head: 'Service',
    isName: true,
    sortBy: (row) => row.id,
    cell: (row) => (
      <Link to="/services/$namespace/$name" params={{ namespace: row.namespace, name: row.name }}>
        {row.name}
      </Link>
    ),
  },
  {
    key: 'namespace',
    head: 'Namespace',
    className: 'dim',
    sortBy: (row) => row.namespace,
    cell: (row) => row.namespace,
  },
  { key: 'reason', head: 'Reason', className: 'dim', cell: (row) => row.node?.reason ?? '' },
  { key: 'split', head: 'Versions', className: 'grow', cell: (row) => <Split row={row} /> },
  {
    key: 'rate',
    head: 'Requests',
    align: 'r',
    sortBy: (row) => rps(row) ?? -1,
    cell: (row) => orNothing(rps(row), rate),
  },
  {
    key: 'errors',
    head: 'Errors',
    align: 'r',
    sortBy: (row) => errors(row) ?? -1,
    cell: (row) => orNothing(errors(row), percent),
  },
  {
    key: 'p95',
    head: (
      <Tooltip label="The highest p95 that any caller sees: 95 of 100 answers took no longer">
        <span className="help">p95</span>
      </Tooltip>
    ),
    align: 'r',
    sortBy: (row) => row.p95 ?? -1,
    cell: (row) => duration(row.p95),
  },
  {
    key: 'workloads',
    head: 'Workloads',
    align: 'r',
    cell: (row) => (row.node ? `${row.node.workloads.connected} of ${row.node.workloads.total}` : NOTHING),
  },
  { key: 'ports', head: 'Port', align: 'r', className: 'dim', cell: (row) => row.ports.join(', ') },
  {
    key: 'starts',
    head: <span className="sr">Change</span>,
    align: 'r',
    cell: (row) => <ServiceStarts service={row.id} inRow />,
  },
];

function orNothing(value: number | null, words: (value: number) => string): string {
  return value === null ? NOTHING : words(value);
}

const GROUPS = {
  attention: (row: ServiceRow) => ['bad', 'warn'].includes(stateOf(row).tone),
  traffic: (row: ServiceRow) => (rps(row) ?? 0) > 0,
  idle: (row: ServiceRow) => !rps(row),
};

const CHIPS = [
  { key: 'attention', label: 'Failing or degraded' },
  { key: 'traffic', label: 'With traffic' },
  { key: 'idle', label: 'Without traffic' },
] as const;

function NoService() {
  return (
    <Empty
      icon={<Boxes aria-hidden />}
      title="No service yet"
      actions={
        <Link to="/add-vm" className="btn p lg">
          <Plus className="i s" aria-hidden /> Add a VM
        </Link>
      }
    >
      A service is a name that others call, and the workloads behind it. Adding a VM can make its service too; meshctl
      apply takes your YAML.
    </Empty>
  );
}

export function ServicesPage() {
  const search = useSearch({ from: '/console/services' });
  const navigate = useNavigate({ from: '/services' });
  const window = search.window ?? DEFAULT_WINDOW;
  const { data, error, isPending, refetch } = useQuery(queries.documents('services', search.ns));
  const topology = useQuery(queries.topology(window, search.ns, search.at));
  const rows = useMemo(() => attentionFirst(toRows(data ?? [], topology.data)), [data, topology.data]);
  const needle = (search.q ?? '').toLowerCase();
  const shown = rows.filter(
    (row) => (!search.state || GROUPS[search.state](row)) && row.id.toLowerCase().includes(needle),
  );
  const set = (change: object) => void navigate({ search: (previous) => ({ ...previous, ...change }), replace: true });
  return (
    <div className="page">
      <div className="ph">
        <h1>Services</h1>
        {rows.length > 0 && (
          <span className="sub">
            {plural(rows.length, 'service')}, numbers of the {WINDOWS[window].toLowerCase()}
          </span>
        )}
      </div>
      {rows.length > 0 && (
        <FilterBar
          label="Filter services"
          all={rows.length}
          chips={CHIPS.map((chip) => ({ ...chip, count: rows.filter(GROUPS[chip.key]).length }))}
          chosen={search.state}
          onChoose={(state) => set({ state })}
          find={{ label: 'Service name', value: search.q, onChange: (q) => set({ q }) }}
        />
      )}
      <div className="work">
        <div className="tw">
          {error && (
            <div className="pad">
              <ProblemNote error={error} what="Services could not be read." onRetry={() => void refetch()} />
            </div>
          )}
          {topology.error && data && (
            <div className="pad">
              <Note tone="warn">
                The numbers could not be read: {topology.error.message} The list itself is current.
              </Note>
            </div>
          )}
          {isPending && <Loading what="services" />}
          {data && rows.length === 0 && <NoService />}
          {rows.length > 0 && shown.length === 0 && (
            <NothingMatches
              what={search.q ?? search.state ?? ''}
              hidden={plural(rows.length, 'service is', 'services are')}
              onClear={() => set({ q: undefined, state: undefined })}
            />
          )}
          {shown.length > 0 && (
            <DataTable
              full
              label="Services"
              columns={COLUMNS}
              rows={shown}
              rowKey={(row) => row.id}
              onOpen={({ namespace, name }) =>
                void navigate({ to: '/services/$namespace/$name', params: { namespace, name } })
              }
            />
          )}
        </div>
      </div>
    </div>
  );
}

import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { Edge, TopologyNode } from '@/api/types';
import { duration, namespaceOf, percent, rate, shortName } from '@/ui/format';
import { Ago } from '@/ui/parts';
import { State } from '@/ui/state';
import { DataTable, type Column } from '@/ui/table';
import { edgeId, TONE_WORDS } from './model';

const ORDER: Edge['health'][] = ['bad', 'warn', 'deny', 'unknown', 'ok', 'idle'];

function name(id: string) {
  return (
    <>
      {shortName(id)} {namespaceOf(id) && <span className="dim sm">{namespaceOf(id)}</span>}
    </>
  );
}

function edgeColumns(narrow: boolean): Column<Edge>[] {
  const all: (Column<Edge> & { low?: boolean })[] = [
    { key: 'state', head: 'State', cell: (edge) => <State tone={edge.health}>{TONE_WORDS[edge.health]}</State> },
    {
      key: 'caller',
      head: 'Caller',
      isName: true,
      sortBy: (edge) => edge.source,
      cell: (edge) => (
        <Link
          from="/topology"
          to="/topology"
          search={(previous) => ({ ...previous, edge: edgeId(edge), node: undefined })}
          replace
        >
          {name(edge.source)}
        </Link>
      ),
    },
    { key: 'called', head: 'Called', sortBy: (edge) => edge.destination, cell: (edge) => name(edge.destination) },
    { key: 'rate', head: 'Requests', align: 'r', sortBy: (edge) => edge.rps, cell: (edge) => rate(edge.rps) },
    {
      key: 'errors',
      head: 'Errors',
      align: 'r',
      sortBy: (edge) => edge.errorRate,
      cell: (edge) => percent(edge.errorRate),
    },
    {
      key: 'denied',
      head: 'Denied',
      align: 'r',
      sortBy: (edge) => edge.denied,
      cell: (edge) =>
        edge.denied > 0 ? <State tone="deny">{rate(edge.denied)}</State> : <span className="dim">none</span>,
    },
    {
      key: 'p50',
      head: 'p50',
      align: 'r',
      sortBy: (edge) => edge.p50 ?? -1,
      cell: (edge) => duration(edge.p50),
      low: true,
    },
    { key: 'p95', head: 'p95', align: 'r', sortBy: (edge) => edge.p95 ?? -1, cell: (edge) => duration(edge.p95) },
    {
      key: 'p99',
      head: 'p99',
      align: 'r',
      sortBy: (edge) => edge.p99 ?? -1,
      cell: (edge) => duration(edge.p99),
      low: true,
    },
    {
      key: 'mtls',
      head: 'Encrypted',
      low: true,
      cell: (edge) =>
        edge.mtls === null ? (
          <State tone="unknown">Unknown</State>
        ) : edge.mtls ? (
          <State tone="ok">mTLS</State>
        ) : (
          <State tone="warn">Not encrypted</State>
        ),
    },
    {
      key: 'seen',
      head: 'Last call',
      align: 'r',
      className: 'dim',
      cell: (edge) => <Ago at={edge.lastSeen} />,
      low: true,
    },
  ];
  return narrow ? all.filter((column) => !column.low) : all;
}

const NODE_COLUMNS: Column<TopologyNode>[] = [
  { key: 'state', head: 'State', cell: (node) => <State tone={node.health}>{TONE_WORDS[node.health]}</State> },
  {
    key: 'service',
    head: 'Service',
    isName: true,
    sortBy: (node) => node.id,
    cell: (node) => (
      <Link
        from="/topology"
        to="/topology"
        search={(previous) => ({ ...previous, node: node.id, edge: undefined })}
        replace
      >
        {name(node.id)}
      </Link>
    ),
  },
  { key: 'rate', head: 'Received', align: 'r', sortBy: (node) => node.rps, cell: (node) => rate(node.rps) },
  {
    key: 'errors',
    head: 'Errors',
    align: 'r',
    sortBy: (node) => node.errorRate,
    cell: (node) => percent(node.errorRate),
  },
  {
    key: 'workloads',
    head: 'Connected workloads',
    align: 'r',
    cell: (node) => `${node.workloads.connected} of ${node.workloads.total}`,
  },
  { key: 'reason', head: 'Reason', className: 'grow dim', cell: (node) => node.reason },
];

interface Props {
  edges: Edge[];
  nodes: TopologyNode[];
  node?: string;
  edge?: string;
  onNode: (id: string) => void;
  onEdge: (id: string) => void;
}

/** The same as the graph, as two tables: who calls whom, and each service by itself. */
export function TopologyTable({ edges, nodes, node, edge, onNode, onEdge }: Props) {
  const narrow = node !== undefined || edge !== undefined;
  const columns = useMemo(() => edgeColumns(narrow), [narrow]);
  const rows = useMemo(
    () =>
      [...edges].sort(
        (a, b) => ORDER.indexOf(a.health) - ORDER.indexOf(b.health) || edgeId(a).localeCompare(edgeId(b)),
      ),
    [edges],
  );
  const services = useMemo(
    () => [...nodes].sort((a, b) => ORDER.indexOf(a.health) - ORDER.indexOf(b.health) || a.id.localeCompare(b.id)),
    [nodes],
  );
  return (
    <div className="tw">
      <DataTable
        full
        label="Who calls whom"
        columns={columns}
        rows={rows}
        rowKey={edgeId}
        selected={edge}
        onOpen={(each) => onEdge(edgeId(each))}
      />
      <h2 style={{ padding: '20px 20px 4px' }}>Services</h2>
      <DataTable
        full
        label="Services in the picture"
        columns={NODE_COLUMNS}
        rows={services}
        rowKey={(each) => each.id}
        selected={node}
        onOpen={(each) => onNode(each.id)}
      />
      {narrow && <p className="pagefoot">p50, p99, encryption and last call are hidden while the panel is open.</p>}
    </div>
  );
}

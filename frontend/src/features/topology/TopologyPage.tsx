import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Network, Table2 } from 'lucide-react';
import { useMemo } from 'react';
import { DEFAULT_WINDOW } from '@/app/search';
import { queries } from '@/api/queries';
import type { Topology } from '@/api/types';
import { FindField } from '@/ui/filter';
import { clock, plural, span } from '@/ui/format';
import { useNow } from '@/ui/now';
import { Empty, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { ToneIcon } from '@/ui/state';
import { parseFind } from './find';
import { GraphView } from './GraphView';
import { edgeId, NODES_UP_TO, toGraph, within, type Preset } from './model';
import { NothingToDraw } from './NothingToDraw';
import { missingStage } from './stage';
import { TopologyPanel } from './TopologyPanel';
import { TopologyTable } from './TopologyTable';
import './topology.css';

const PRESETS: { key: Preset; label: string }[] = [
  { key: 'traffic', label: 'Traffic' },
  { key: 'errors', label: 'Errors' },
  { key: 'security', label: 'Security' },
];

/** Reports come every few seconds; a picture older than this deserves a word. */
const OLD = 45_000;

function useSetSearch() {
  const navigate = useNavigate({ from: '/topology' });
  return (change: object) => void navigate({ search: (previous) => ({ ...previous, ...change }), replace: true });
}

function Toolbar({ topology }: { topology?: Topology }) {
  const search = useSearch({ from: '/console/topology' });
  const set = useSetSearch();
  const view = search.view ?? 'graph';
  return (
    <div className="ph">
      <h1>Topology</h1>
      <div className="seg" role="group" aria-label="What the edges show">
        {PRESETS.map(({ key, label }) => (
          <button
            key={key}
            type="button"
            aria-pressed={(search.preset ?? 'traffic') === key}
            onClick={() => set({ preset: key === 'traffic' ? undefined : key })}
          >
            {label}
          </button>
        ))}
      </div>
      <FindField
        label="Find: errors > 1 or denied"
        value={search.find ?? ''}
        onChange={(find) => set({ find })}
        width={230}
      />
      <span className="sp" />
      <Select
        aria-label="Focus"
        placeholder="Whole mesh"
        searchable
        clearable
        clearButtonProps={{ 'aria-label': 'Show the whole mesh' }}
        style={{ width: 190 }}
        value={search.focus ?? null}
        data={(topology?.nodes ?? []).map(({ id }) => id).sort()}
        onChange={(focus) => set({ focus: focus ?? undefined })}
      />
      <div className="seg" role="group" aria-label="Show as">
        <button type="button" aria-pressed={view === 'graph'} onClick={() => set({ view: undefined })}>
          <Network className="i s" aria-hidden /> Graph
        </button>
        <button type="button" aria-pressed={view === 'table'} onClick={() => set({ view: 'table' })}>
          <Table2 className="i s" aria-hidden /> Table
        </button>
      </div>
    </div>
  );
}

/** Numbers that are no longer fresh are shown all the same, with their age. */
function OldNumbers({ topology, frozen }: { topology: Topology; frozen: boolean }) {
  const now = useNow();
  const at = topology.telemetryAt;
  if (frozen || !at || now - Date.parse(at) < OLD) return null;
  return (
    <div className="strip" role="status">
      <ToneIcon tone="warn" />
      <span>
        <b className="b6">Numbers do not arrive.</b> The newest is from {clock(at)}, {span(now - Date.parse(at))} ago.{' '}
        {topology.reporting} of {plural(topology.connected, 'connected proxy reports', 'connected proxies report')}.
      </span>
    </div>
  );
}

function Picture({ topology }: { topology: Topology }) {
  const search = useSearch({ from: '/console/topology' });
  const set = useSetSearch();
  const mesh = useQuery(queries.mesh());
  const seen = useMemo(() => within(topology, search.focus, 1), [topology, search.focus]);
  const graph = useMemo(() => toGraph(seen, search.preset ?? 'traffic'), [seen, search.preset]);
  const matches = useMemo(() => seen.edges.filter(parseFind(search.find ?? '')), [seen, search.find]);
  const found = useMemo(() => (search.find ? new Set(matches.map(edgeId)) : null), [search.find, matches]);
  const stage = missingStage(seen, mesh.data);
  const open = search.node !== undefined || search.edge !== undefined;
  const choose = {
    onNode: (node: string) => set({ node, edge: undefined }),
    onEdge: (edge: string) => set({ edge, node: undefined }),
  };
  const table = search.view === 'table';
  return (
    <>
      <OldNumbers topology={topology} frozen={search.at !== undefined} />
      <div className={`topo${open ? ' open' : ''}`}>
        {table ? (
          <TopologyTable edges={matches} nodes={seen.nodes} node={search.node} edge={search.edge} {...choose} />
        ) : stage ? (
          <NothingToDraw stage={stage} topology={seen} mesh={mesh.data} window={search.window ?? DEFAULT_WINDOW} />
        ) : graph.nodes.length > NODES_UP_TO ? (
          <Empty icon={<Network aria-hidden />} title="Pick a service to start from">
            {plural(graph.nodes.length, 'service')} in one picture cannot be read. Choose a focus above: it shows the
            service, its callers and whom it calls. The table has them all.
          </Empty>
        ) : (
          <GraphView
            graph={graph}
            chosenNode={search.node}
            chosenEdge={search.edge}
            found={found}
            moving={search.at === undefined}
            onNothing={() => open && set({ node: undefined, edge: undefined })}
            {...choose}
          />
        )}
        {open && <TopologyPanel topology={topology} node={search.node} edge={search.edge} at={search.at} />}
      </div>
    </>
  );
}

export function TopologyPage() {
  const search = useSearch({ from: '/console/topology' });
  const { data, error, isPending, refetch } = useQuery(
    queries.topology(search.window ?? DEFAULT_WINDOW, search.ns, search.at),
  );
  return (
    <div className="page">
      <Toolbar topology={data} />
      {error && (
        <div className="pad" style={{ flex: 'none' }}>
          <ProblemNote error={error} what="The topology could not be read." onRetry={() => void refetch()} />
        </div>
      )}
      {isPending && <Loading what="the topology" />}
      {data && <Picture topology={data} />}
    </div>
  );
}

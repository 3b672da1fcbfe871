import { Link, useNavigate } from '@tanstack/react-router';
import { Network, Plus } from 'lucide-react';
import { WINDOWS, type TimeWindow } from '@/app/search';
import type { Mesh, Topology } from '@/api/types';
import { clock, plural, shortName } from '@/ui/format';
import { Empty } from '@/ui/parts';
import type { MissingStage } from './stage';

interface Props {
  stage: MissingStage;
  topology: Topology;
  mesh: Mesh | undefined;
  window: TimeWindow;
}

function proxies(count: number): string {
  return plural(count, 'proxy is', 'proxies are');
}

/** Why the graph is empty: says which stage is missing, and what to do about it. */
export function NothingToDraw({ stage, topology, mesh, window }: Props) {
  const navigate = useNavigate({ from: '/topology' });
  const icon = <Network aria-hidden />;
  if (stage === 'no-proxy') {
    const add = (
      <Link to="/add-vm" className="btn p lg">
        <Plus className="i s" aria-hidden /> Add a VM
      </Link>
    );
    return (
      <Empty icon={icon} title="No proxy yet" actions={add}>
        A proxy appears here when a VM joins. It takes one command and about a minute.
      </Empty>
    );
  }
  const show = (
    <Link to="/proxies" className="btn">
      Show proxies
    </Link>
  );
  if (stage === 'not-connected') {
    return (
      <Empty icon={icon} title="No proxy is connected" actions={show}>
        {plural(mesh?.proxies.total ?? 0, 'proxy', 'proxies')} joined before. Calls between services keep running; their
        numbers arrive when the agents come back.
      </Empty>
    );
  }
  if (stage === 'not-reporting') {
    const since = topology.telemetryAt
      ? `none has reported since ${clock(topology.telemetryAt)}`
      : 'none has ever reported';
    return (
      <Empty icon={icon} title="No numbers yet" actions={show}>
        {proxies(topology.connected)} connected, but {since}.
      </Empty>
    );
  }
  const last = mesh?.lastCall;
  const hour = window !== '1h' && (
    <button
      type="button"
      className="btn p"
      onClick={() => void navigate({ search: (previous) => ({ ...previous, window: '1h' }) })}
    >
      Show the last hour
    </button>
  );
  return (
    <Empty
      icon={icon}
      title={`No calls in the ${WINDOWS[window].toLowerCase().replace('min', 'minutes')}`}
      actions={hour}
    >
      {proxies(topology.connected)} connected and{' '}
      {topology.reporting === topology.connected ? 'report' : `${topology.reporting} report`}.{' '}
      {last
        ? `The last call was ${shortName(last.source)} → ${shortName(last.destination)} at ${clock(last.at)}.`
        : 'No call was seen so far.'}
    </Empty>
  );
}

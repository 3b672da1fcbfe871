import { Link } from '@tanstack/react-router';
import type { Edge } from '@/api/types';
import { edgeId } from '@/features/topology/model';
import { duration, percent, plural, rate, shortName } from '@/ui/format';
import { ToneIcon } from '@/ui/state';

function fact(edge: Edge): string {
  if (edge.health === 'deny') return 'denied by a policy';
  if (edge.requests === 0) return 'no calls in this time';
  return `${percent(edge.errorRate)} errors · p95 ${duration(edge.p95)}${edge.mtls === false ? ' · not encrypted' : ''}`;
}

function Side({ label, edges, end }: { label: string; edges: Edge[]; end: 'source' | 'destination' }) {
  if (edges.length === 0)
    return (
      <p className="dim sm">{end === 'source' ? 'Nobody called it in this time.' : 'It called nobody in this time.'}</p>
    );
  return (
    <ul className={end === 'source' ? 'from' : 'to'} aria-label={label}>
      {edges.map((edge) => (
        <li key={edgeId(edge)}>
          <Link className={edge.health} to="/topology" search={{ edge: edgeId(edge) }}>
            <span className="row">
              <b className="b5 ell">{shortName(edge[end])}</b>
              <span className="sp" />
              <span className={`st ${edge.health === 'ok' ? 'quiet' : edge.health}`}>
                {['deny', 'bad', 'warn'].includes(edge.health) && <ToneIcon tone={edge.health} />}
                {edge.health === 'deny' ? rate(edge.denied) : edge.rps > 0 ? rate(edge.rps) : 'no calls'}
              </span>
            </span>
            <span className="sm two ell" style={{ display: 'block' }}>
              {fact(edge)}
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

interface Props {
  id: string;
  edges: Edge[];
  ports: string;
}

/** Callers, the service, and whom it calls, left to right. */
export function Neighbours({ id, edges, ports }: Props) {
  const callers = edges.filter((edge) => edge.destination === id && edge.source !== id);
  const callees = edges.filter((edge) => edge.source === id && edge.destination !== id);
  const seen = [...callers, ...callees].map((edge) => edge.mtls);
  const mtls = seen.includes(false)
    ? 'not always encrypted'
    : seen.includes(true)
      ? 'mTLS on every call seen'
      : 'encryption not observed';
  return (
    <div className="nb">
      <Side label="Callers" edges={callers} end="source" />
      <div className="self">
        <b className="b6">{shortName(id)}</b>
        <span className="sm two">{ports}</span>
        <span className="sm two">{mtls}</span>
        <span className="sr">
          {plural(callers.length, 'caller')}, calls {plural(callees.length, 'service')}
        </span>
      </div>
      <Side label="Called services" edges={callees} end="destination" />
    </div>
  );
}

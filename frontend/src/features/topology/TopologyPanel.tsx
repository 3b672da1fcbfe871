import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { ArrowRight } from 'lucide-react';
import { queries } from '@/api/queries';
import type { Edge, Topology, TopologyNode } from '@/api/types';
import { TrafficCharts } from '@/features/charts/TrafficCharts';
import { duration, namespaceOf, percent, plural, rate, shortName } from '@/ui/format';
import { Ago, Facts, Panel, Section, splitUnit, Stat, Term } from '@/ui/parts';
import { Pill, State } from '@/ui/state';
import { DeniedBy } from './DeniedBy';
import { edgeId, edgeSentence, TONE_WORDS } from './model';

const P_SAYS = {
  p50: 'Half of the answers took no longer than this',
  p95: '95 of 100 answers took no longer than this',
  p99: '99 of 100 answers took no longer than this',
} as const;

function Percentile({ name, value }: { name: keyof typeof P_SAYS; value: number | null }) {
  const { value: number, unit } = splitUnit(duration(value));
  return <Stat label={<Term says={P_SAYS[name]}>{name}</Term>} value={number} unit={unit} />;
}

function Encryption({ mtls }: { mtls: boolean | null }) {
  if (mtls === true) return <State tone="ok">mTLS, both sides verified</State>;
  if (mtls === false) return <State tone="warn">Not encrypted</State>;
  return <State tone="unknown">Unknown, not observed</State>;
}

function EdgeDetails({ edge, at }: { edge: Edge; at?: string }) {
  const requests = splitUnit(rate(edge.rps));
  const denied = (
    <Section title="Denied by" meta="last hour">
      <DeniedBy edge={edge} window="1h" at={at} />
    </Section>
  );
  const errors = splitUnit(percent(edge.errorRate));
  return (
    <>
      <div className="sec col">
        <div>
          <Pill tone={edge.health}>
            {edge.requests === 0 && edge.health !== 'deny' ? 'No traffic' : TONE_WORDS[edge.health]}
          </Pill>
        </div>
        <p className="say">{edgeSentence(edge)}</p>
      </div>
      <div className="sec numbers">
        <Stat label="Rate" value={requests.value} unit={requests.unit} />
        <Stat label="Errors" value={errors.value} unit={errors.unit} tone={edge.health === 'bad' ? 'bad' : undefined} />
        <Percentile name="p50" value={edge.p50} />
        <Percentile name="p95" value={edge.p95} />
        <Percentile name="p99" value={edge.p99} />
      </div>
      {edge.health === 'deny' && denied}
      <Section title="Last hour" meta="dashed lines are changes">
        <TrafficCharts source={edge.source} destination={edge.destination} window="1h" at={at} />
      </Section>
      {edge.health !== 'deny' && denied}
      <Section title="Facts">
        <Facts
          items={[
            ['Encrypted', <Encryption key="mtls" mtls={edge.mtls} />],
            ['Denied', edge.denied > 0 ? <State tone="deny">{rate(edge.denied)}</State> : 'none'],
            ['Answers', <Classes key="classes" edge={edge} />],
            ['Requests', `${edge.requests.toLocaleString('en-US')} in this time range`],
            ['Last call', <Ago key="last" at={edge.lastSeen} empty="none observed" />],
            ['Caller', <ServiceLink key="from" id={edge.source} />],
            ['Called', <ServiceLink key="to" id={edge.destination} />],
          ]}
        />
      </Section>
    </>
  );
}

function Classes({ edge }: { edge: Edge }) {
  const seen = (['2xx', '3xx', '4xx', '5xx'] as const).filter((name) => edge.classes[name] > 0);
  return <>{seen.map((name) => `${name} ${rate(edge.classes[name])}`).join(' · ') || 'none'}</>;
}

function ServiceLink({ id }: { id: string }) {
  if (!namespaceOf(id)) return <>{id}</>;
  return (
    <Link to="/services/$namespace/$name" params={{ namespace: namespaceOf(id), name: shortName(id) }}>
      {id}
    </Link>
  );
}

function Neighbours({ title, edges, end }: { title: string; edges: Edge[]; end: 'source' | 'destination' }) {
  return (
    <Section title={title} meta={plural(edges.length, 'service')}>
      {edges.length === 0 && <p className="dim">none in this time range</p>}
      <table className="t" aria-label={title}>
        <tbody>
          {edges.map((edge) => (
            <tr key={edgeId(edge)}>
              <td>
                <Link
                  from="/topology"
                  to="/topology"
                  search={(previous) => ({ ...previous, edge: edgeId(edge), node: undefined })}
                  replace
                >
                  {shortName(edge[end])}
                </Link>
              </td>
              <td>
                <State tone={edge.health}>{TONE_WORDS[edge.health]}</State>
              </td>
              <td className="r">{edge.health === 'deny' ? rate(edge.denied) : rate(edge.rps)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

function NodeDetails({ node, topology, at }: { node: TopologyNode; topology: Topology; at?: string }) {
  const callers = topology.edges.filter((edge) => edge.destination === node.id);
  const callees = topology.edges.filter((edge) => edge.source === node.id);
  const { total, healthy, connected } = node.workloads;
  const received = splitUnit(rate(node.rps));
  const errors = splitUnit(percent(node.errorRate));
  const isService = node.kind === 'service';
  return (
    <>
      <div className="sec col">
        <div>
          <Pill tone={node.health}>{TONE_WORDS[node.health]}</Pill>
        </div>
        <p className="say">
          {node.rps > 0
            ? `${node.name} takes ${rate(node.rps)} from ${plural(callers.filter((edge) => edge.rps > 0).length, 'caller')}`
            : `Nobody called ${node.name} in this time`}
          {node.reason ? `: ${node.reason}.` : '.'}
        </p>
        {isService && (
          <div className="row wrap">
            <Link
              className="btn p"
              to="/services/$namespace/$name"
              params={{ namespace: node.namespace, name: node.name }}
            >
              Open service
            </Link>
            <Link
              className="btn"
              to="/services/$namespace/$name/shift"
              params={{ namespace: node.namespace, name: node.name }}
            >
              Shift traffic…
            </Link>
          </div>
        )}
      </div>
      <div className="sec numbers">
        <Stat label="Received" value={received.value} unit={received.unit} />
        <Stat label="Errors" value={errors.value} unit={errors.unit} tone={node.health === 'bad' ? 'bad' : undefined} />
        <Stat label="Workloads" value={String(total)} />
        <Stat label="Healthy" value={String(healthy)} unit={`of ${total}`} />
        <Stat label="Connected" value={String(connected)} unit={`of ${total}`} />
      </div>
      {node.versions.length > 1 && (
        <Section title="Versions" meta="wanted and seen share">
          <table className="t" aria-label="Versions">
            <tbody>
              {node.versions.map((version) => (
                <tr key={version.service}>
                  <td className="b5">{version.label}</td>
                  <td className="r">{percent(version.weight)} wanted</td>
                  <td className="r">{version.share === null ? 'not seen' : `${percent(version.share)} seen`}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Section>
      )}
      <Neighbours title="Callers" edges={callers} end="source" />
      <Neighbours title="Calls" edges={callees} end="destination" />
      <Section title="Last hour" meta="all calls it received">
        <TrafficCharts destination={node.id} window="1h" at={at} />
      </Section>
    </>
  );
}

/** What was chosen in the graph or the table. */
export function TopologyPanel({
  topology,
  node: nodeId,
  edge: chosenEdge,
  at,
}: {
  topology: Topology;
  node?: string;
  edge?: string;
  at?: string;
}) {
  const navigate = useNavigate({ from: '/topology' });
  const mesh = useQuery(queries.mesh());
  const close = () =>
    void navigate({ search: (previous) => ({ ...previous, node: undefined, edge: undefined }), replace: true });
  const edge = topology.edges.find((each) => edgeId(each) === chosenEdge);
  const node = topology.nodes.find((each) => each.id === nodeId);
  if (edge) {
    const label = `${shortName(edge.source)} to ${shortName(edge.destination)}`;
    const title = (
      <>
        {shortName(edge.source)} <ArrowRight className="i" aria-label="to" /> {shortName(edge.destination)}
      </>
    );
    return (
      <Panel label={label} title={title} onClose={close}>
        <EdgeDetails edge={edge} at={at} />
      </Panel>
    );
  }
  if (node) {
    return (
      <Panel label={node.name} title={node.name} onClose={close}>
        <NodeDetails node={node} topology={topology} at={at} />
      </Panel>
    );
  }
  return (
    <Panel label="Nothing chosen" title={shortName(nodeId ?? chosenEdge ?? '')} onClose={close}>
      <div className="sec">
        <p className="say">
          This is not part of the picture in this time range{mesh.data?.lastCall ? '' : ', and no call was ever seen'}.
        </p>
      </div>
    </Panel>
  );
}

import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Proxy } from '@/api/types';
import { NOTHING, plural, shortName, until } from '@/ui/format';
import { useNow } from '@/ui/now';
import { Ago, CopyButton, Facts, Section, Term } from '@/ui/parts';
import { Note, State } from '@/ui/state';
import { Endpoints } from './Endpoints';
import { HEALTH_WORDS, sentence, TYPE_SAYS, TYPE_WORDS, TYPES } from './words';

/** Revision numbers are links: what a proxy runs is explained by the change that made it. */
function RevisionLink({ number }: { number: number | null }) {
  if (number === null) return <>{NOTHING}</>;
  return (
    <Link to="/changes" search={{ revision: number }}>
      revision {number}
    </Link>
  );
}

function EnvoysWords({ proxy }: { proxy: Proxy }) {
  const refused = proxy.types.filter((each) => each.state === 'rejected');
  if (refused.length === 0) return null;
  const text = refused.map((each) => each.detail).join('\n');
  return (
    <Section title="In Envoy’s own words">
      {refused.map((each) => (
        <div key={each.type} className="col" style={{ gap: 4, marginBottom: 8 }}>
          <span className="sm two">
            {each.type}, <Ago at={each.at} />
          </span>
          <pre className="code text">{each.detail || 'Envoy gave no reason.'}</pre>
        </div>
      ))}
      <CopyButton text={text} label="Copy Envoy’s words" />
    </Section>
  );
}

function Parts({ proxy }: { proxy: Proxy }) {
  return (
    <Section title="Five parts" meta="what it was sent, and what it runs">
      <table className="t" aria-label={`Parts of ${proxy.name}`}>
        <thead>
          <tr>
            <th scope="col">Part</th>
            <th scope="col">State</th>
            <th scope="col">Version</th>
            <th scope="col" className="r">
              Since
            </th>
          </tr>
        </thead>
        <tbody>
          {TYPES.map((type) => {
            const found = proxy.types.find((each) => each.type === type);
            const { tone, word } = TYPE_WORDS[found?.state ?? 'unsent'];
            return (
              <tr key={type}>
                <td>
                  <Term says={TYPE_SAYS[type]}>{type}</Term>
                </td>
                <td>
                  <State tone={tone}>{word}</State>
                </td>
                <td className="mono dim ell" style={{ maxWidth: 90 }}>
                  {found?.version?.slice(0, 8) ?? NOTHING}
                </td>
                <td className="r dim">
                  <Ago at={found?.at} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Section>
  );
}

const MODE_SAYS: Record<Proxy['mode'], string> = {
  loopback: 'Programs call services on 127.x addresses of this VM; root is not needed',
  proxy: 'Programs call services through one local HTTP proxy port; root is not needed',
  explicit: 'Programs call services on one local port each; root is not needed',
};

function Certificate({ proxy }: { proxy: Proxy }) {
  const now = useNow();
  if (!proxy.certificate) return <>none was issued yet</>;
  return (
    <>
      ends in {until(proxy.certificate.expiresAt, now)} · serial <code>{proxy.certificate.serial}</code>
    </>
  );
}

export function ProxyDetails({ proxy }: { proxy: Proxy }) {
  const now = useNow();
  const health = HEALTH_WORDS[proxy.health.state];
  const refused = proxy.state === 'rejected';
  return (
    <>
      <div className="sec">
        <p className="say">{sentence(proxy, now)}</p>
      </div>
      <EnvoysWords proxy={proxy} />
      {refused && proxy.wantedRevision !== null && (
        <Section title="The way back">
          <div className="row wrap">
            <Link className="btn" to="/changes" search={{ revision: proxy.wantedRevision }}>
              Show revision {proxy.wantedRevision}
            </Link>
            <Link
              className="btn d"
              to="/changes/$revision/rollback"
              params={{ revision: String(proxy.wantedRevision) }}
            >
              Roll back…
            </Link>
          </div>
        </Section>
      )}
      <Parts proxy={proxy} />
      <Section title="Health">
        <div className="row wrap">
          <State tone={health.tone}>{health.word}</State>
          <span className="dim sm">
            {proxy.health.at ? (
              <>
                observed <Ago at={proxy.health.at} />
              </>
            ) : (
              'no check has reported yet'
            )}
          </span>
        </div>
        {proxy.health.reason && proxy.health.state !== 'healthy' && (
          <Note tone={health.tone}>{proxy.health.reason}</Note>
        )}
        {proxy.health.reason && proxy.health.state === 'healthy' && <p className="sm two">{proxy.health.reason}</p>}
      </Section>
      <Endpoints proxy={proxy.id} />
      <Section title="Proxy">
        <Facts
          items={[
            ['Runs', <RevisionLink key="runs" number={proxy.liveRevision} />],
            ['Should run', <RevisionLink key="wants" number={proxy.wantedRevision} />],
            ['Identity', <code key="identity">{proxy.identity}</code>],
            ['Certificate', <Certificate key="certificate" proxy={proxy} />],
            ['Serves', <Services key="services" ids={proxy.services} />],
            ['Group', `${proxy.namespace}/${proxy.workloadGroup}`],
            ['Address', <code key="bind">{proxy.bind}</code>],
            ...placeOf(proxy),
            ['Versions', `Envoy ${proxy.envoyVersion || 'unknown'}, agent ${proxy.agentVersion || 'unknown'}`],
            ['Connected', proxy.connected ? <Ago key="connected" at={proxy.connectedAt} /> : 'no'],
            ['Last seen', <Ago key="seen" at={proxy.lastSeen} empty="never" />],
            ['First request', <Ago key="request" at={proxy.firstRequestAt} empty="none yet" />],
            ['Joined', <Ago key="joined" at={proxy.joinedAt} />],
          ]}
        />
      </Section>
    </>
  );
}

/** A gateway has no application beside it. */
function placeOf(proxy: Proxy): [string, ReactNode][] {
  if (proxy.gateway) return [['Gateway', proxy.gateway]];
  return [
    ['Program on', <code key="app">{proxy.appAddress}</code>],
    [
      'Capture',
      <Term key="mode" says={MODE_SAYS[proxy.mode]}>
        {proxy.mode}
      </Term>,
    ],
  ];
}

function Services({ ids }: { ids: string[] }) {
  if (ids.length === 0) return <>{plural(0, 'service')}</>;
  return (
    <>
      {ids.map((id, index) => {
        const [namespace = '', name = ''] = id.split('/');
        return (
          <span key={id}>
            {index > 0 && ', '}
            <Link to="/services/$namespace/$name" params={{ namespace, name }}>
              {shortName(id)}
            </Link>
          </span>
        );
      })}
    </>
  );
}

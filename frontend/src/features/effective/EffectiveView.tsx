import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { queries } from '@/api/queries';
import type { Effective, EffectiveInbound, EffectiveListening } from '@/api/types';
import { DocumentLink } from '@/features/documents/DocumentLink';
import { FindField, NothingMatches } from '@/ui/filter';
import { plural } from '@/ui/format';
import { Card, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { CalledBlock, DestinationBlock, RouteList, Settings } from './parts';
import { called, policyOf } from './words';

/** Few enough to be open at once. */
const FEW = 2;

function Calls({ effective }: { effective: Effective }) {
  const [typed, setTyped] = useState('');
  const all = called(effective);
  const shown = all.filter(({ key, upstream }) => `${key} ${upstream.host}`.includes(typed.trim().toLowerCase()));
  const said = all.filter(({ documents }) => documents.length > 0).length;
  if (all.length === 0) return null;
  return (
    <Card
      title="Calls it makes"
      meta={`${plural(all.length, 'service')}, documents say something about ${said || 'none'}`}
      aside={<FindField label="Service" value={typed} onChange={(value) => setTyped(value ?? '')} width={180} />}
    >
      {shown.length === 0 && (
        <NothingMatches
          what={typed}
          hidden={plural(all.length, 'service is', 'services are')}
          onClear={() => setTyped('')}
        />
      )}
      {shown.map((each) => (
        <CalledBlock key={`${each.key} ${shown.length <= FEW}`} called={each} open={shown.length <= FEW} />
      ))}
    </Card>
  );
}

function Inbound({ inbound }: { inbound: EffectiveInbound[] }) {
  if (inbound.length === 0) return null;
  return (
    <Card title="Calls it takes" meta="what callers must do, and who may call">
      <div className="ports">
        {inbound.map(({ port, protocol, values, policies }) => (
          <div key={port} className="port">
            <h3>
              Port {port} <span className="dim">{protocol}</span>
            </h3>
            <Settings values={values} label={`Settings of port ${port}`} />
            <p className="sm two">
              {policies.length === 0
                ? 'No policy stands here: every caller that can connect is let in.'
                : policies.map((text, index) => {
                    const { action, document } = policyOf(text);
                    return (
                      <span key={text}>
                        {index > 0 && ' · '}
                        {action} <DocumentLink document={document}>{document.split(' ')[1]}</DocumentLink>
                      </span>
                    );
                  })}
            </p>
          </div>
        ))}
      </div>
    </Card>
  );
}

function title({ gateway, server, port, protocol, host }: EffectiveListening): string {
  return `${host}, ${protocol} on port ${port} (server ${server} of ${gateway})`;
}

function Gateways({ effective }: { effective: Effective }) {
  const { gateways, destinations } = effective;
  const [typed, setTyped] = useState('');
  if (gateways.length === 0) return null;
  const needle = typed.trim().toLowerCase();
  const leads = (each: EffectiveListening) => each.routes.flatMap(({ shares }) => shares.map(({ to }) => to)).join(' ');
  const shown = gateways.filter((each) => `${title(each)} ${leads(each)}`.toLowerCase().includes(needle));
  return (
    <>
      <Card
        title="What it opens to visitors"
        meta={plural(gateways.length, 'host and port', 'hosts and ports')}
        aside={
          <FindField label="Host or service" value={typed} onChange={(value) => setTyped(value ?? '')} width={180} />
        }
      >
        {shown.length === 0 && (
          <NothingMatches
            what={typed}
            hidden={plural(gateways.length, 'host is', 'hosts are')}
            onClear={() => setTyped('')}
          />
        )}
        {shown.map((each) => (
          <details key={title(each)} className="called" open={gateways.length <= FEW}>
            <summary>
              <b className="b5">{each.host === '*' ? 'every host' : each.host}</b>
              <span className="dim">
                {each.protocol} on port {each.port}
              </span>
              <span className="sm two ell">
                server {each.server} of {each.gateway}, {plural(each.routes.length, 'rule')}
              </span>
            </summary>
            <div className="calledbody">
              <RouteList routes={each.routes} label={`Rules for ${title(each)}`} />
            </div>
          </details>
        ))}
      </Card>
      <Card title="Where it sends calls" meta="settings per destination">
        <div className="b col" style={{ gap: 14 }}>
          {destinations.map((each) => (
            <DestinationBlock key={`${each.service} ${each.port} ${each.subset}`} destination={each} />
          ))}
        </div>
      </Card>
    </>
  );
}

/** What holds for one proxy, value by value, and which document said so. */
export function EffectiveView({ proxy }: { proxy: string }) {
  const { data, error, isPending, refetch } = useQuery(queries.effective(proxy));
  return (
    <section className="stack" aria-label="What holds for this proxy">
      <div className="row wrap">
        <h2 className="headline">What holds for this proxy</h2>
        {data && <span className="dim sm">worked out from the documents of revision {data.revision}</span>}
      </div>
      {isPending && <Loading what="what holds for this proxy" />}
      {error && <ProblemNote error={error} what="What holds could not be read." onRetry={() => void refetch()} />}
      {data && (
        <>
          <Gateways effective={data} />
          <Calls effective={data} />
          <Inbound inbound={data.inbound} />
        </>
      )}
    </section>
  );
}

import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Undo2 } from 'lucide-react';
import { queries } from '@/api/queries';
import type { Revision } from '@/api/types';
import { absolute, clockMillis, duration, NOTHING, shortName } from '@/ui/format';
import { Loading, Panel, Section, splitUnit, Stat } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { Note, Pill, State } from '@/ui/state';
import { Documents, summary } from './Documents';
import { openFirst, ORIGIN_WORDS, PROXY_WORDS, reasonOf, slowest, stateOf } from './words';

function Numbers({ revision }: { revision: Revision }) {
  const { affected, live, rejected, disconnected } = revision.counts;
  const after = splitUnit(duration(slowest(revision)));
  return (
    <div className="numbers">
      <Stat label="Live on" value={String(live)} unit={`of ${affected}`} />
      <Stat label="Refused by" value={String(rejected)} tone={rejected ? 'bad' : undefined} />
      <Stat label="Not connected" value={String(disconnected)} />
      <Stat label="Slowest live after" value={after.value} unit={after.unit} />
    </div>
  );
}

function Refusals({ revision }: { revision: Revision }) {
  const refused = revision.proxies.filter((proxy) => proxy.state === 'rejected');
  if (refused.length === 0) return null;
  return (
    <Section title="In Envoy’s own words">
      <div className="col">
        {refused.map((proxy) => (
          <Note key={proxy.id} tone="bad">
            <Link to="/proxies" search={{ proxy: proxy.id }} className="b6">
              {shortName(proxy.id)}
            </Link>{' '}
            refused it and keeps running what it had before.
            <pre className="code text" style={{ marginTop: 6 }}>
              {proxy.detail || 'Envoy gave no reason.'}
            </pre>
          </Note>
        ))}
      </div>
    </Section>
  );
}

function WhatChanged({ number }: { number: number }) {
  const { data, error, isPending, refetch } = useQuery(queries.revisionDiff(number));
  return (
    <Section title="What changed" meta={data ? summary(data.items) : undefined}>
      {isPending && <Loading what="the difference" rows={3} />}
      {error && <ProblemNote error={error} what="The difference could not be read." onRetry={() => void refetch()} />}
      {data && <Documents documents={data.items} />}
    </Section>
  );
}

function PerProxy({ revision }: { revision: Revision }) {
  if (revision.proxies.length === 0) return null;
  return (
    <Section title="Proxies" meta="from saved to live">
      <table className="t" aria-label="Proxies of this revision">
        <thead>
          <tr>
            <th scope="col">Proxy</th>
            <th scope="col">State</th>
            <th scope="col" className="r">
              After
            </th>
            <th scope="col" className="r">
              At
            </th>
          </tr>
        </thead>
        <tbody>
          {openFirst(revision.proxies).map((proxy) => {
            const { tone, word } = PROXY_WORDS[proxy.state];
            return (
              <tr key={proxy.id}>
                <td>
                  <Link to="/proxies" search={{ proxy: proxy.id }}>
                    {shortName(proxy.id)}
                  </Link>
                </td>
                <td>
                  <State tone={tone}>{proxy.state === 'pending' && !proxy.sentAt ? 'Waiting' : word}</State>
                </td>
                <td className="r">{duration(proxy.millis)}</td>
                <td className="r mono dim">{proxy.at ? clockMillis(proxy.at) : NOTHING}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Section>
  );
}

function History({ revision }: { revision: Revision }) {
  const steps: [string | null, string][] = [
    [revision.createdAt, `Saved by ${revision.author}`],
    [revision.compiledAt, 'Compiled'],
    [revision.sentAt, 'Sent to the first proxy'],
    ...revision.proxies
      .filter((proxy) => proxy.state === 'rejected')
      .map((proxy): [string | null, string] => [proxy.at, `${shortName(proxy.id)} refused it`]),
    [revision.liveAt, 'Live on every connected proxy it touches'],
  ];
  const happened = steps.filter((step): step is [string, string] => step[0] !== null);
  return (
    <Section title="History">
      <dl className="kv sm">
        {happened
          .sort(([a], [b]) => Date.parse(b) - Date.parse(a))
          .map(([at, what]) => (
            <div key={what} style={{ display: 'contents' }}>
              <dt className="mono">{clockMillis(at)}</dt>
              <dd>{what}</dd>
            </div>
          ))}
      </dl>
    </Section>
  );
}

function Details({ revision }: { revision: Revision }) {
  return (
    <>
      <div className="sec col">
        <p className="say">{reasonOf(revision)}</p>
        <p className="sm dim">
          {revision.author} · {absolute(revision.createdAt)} · {ORIGIN_WORDS[revision.origin]}
        </p>
        <div className="row">
          <Link className="btn d" to="/changes/$revision/rollback" params={{ revision: String(revision.number) }}>
            <Undo2 className="i s" aria-hidden /> Roll back…
          </Link>
        </div>
      </div>
      <div className="sec">
        <Numbers revision={revision} />
      </div>
      <Refusals revision={revision} />
      <WhatChanged number={revision.number} />
      <PerProxy revision={revision} />
      <History revision={revision} />
    </>
  );
}

export function RevisionPanel({ number, onClose }: { number: number; onClose: () => void }) {
  const { data, error, isPending, refetch } = useQuery(queries.revision(number));
  const state = data && stateOf(data);
  return (
    <Panel
      label={`Revision ${number}`}
      onClose={onClose}
      title={
        <>
          Revision {number} {state && <Pill tone={state.tone}>{state.word}</Pill>}
        </>
      }
    >
      {isPending && <Loading what="the revision" />}
      {error && (
        <div className="sec">
          <ProblemNote error={error} what={`Revision ${number} could not be read.`} onRetry={() => void refetch()} />
        </div>
      )}
      {data && <Details revision={data} />}
    </Panel>
  );
}

import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { queries } from '@/api/queries';
import type { JoinToken, NewJoinToken, Redemption } from '@/api/types';
import { clock, clockMillis, shortName } from '@/ui/format';
import { Ago, Card, CopyButton, Facts } from '@/ui/parts';
import { Note, Pill, ToneIcon } from '@/ui/state';
import { doneCount, ticksOf, type Tick } from './ticks';

function Ticks({ ticks }: { ticks: Tick[] }) {
  return (
    <ol className="ticks" aria-label="Progress of the VM">
      {ticks.map(({ title, tone, at, detail }) => (
        <li key={title} className={tone}>
          <ToneIcon tone={tone} className={`i ${tone}`} />
          <div>
            <b>{title}</b>
            <span className="sr">{{ ok: ', done', go: ', waiting', bad: ', failed', idle: ', not yet' }[tone]}</span>
            <div className={`sm ${tone === 'bad' ? 'badtext' : 'two'}`} style={{ overflowWrap: 'anywhere' }}>
              {detail}
            </div>
          </div>
          <span className="at">
            {at && (
              <time dateTime={at} title={clockMillis(at)}>
                {clock(at)}
              </time>
            )}
          </span>
        </li>
      ))}
    </ol>
  );
}

function proxyId(redemption: Redemption, token: JoinToken): string {
  return redemption.proxy.includes('/') ? redemption.proxy : `${token.namespace}/${redemption.proxy}`;
}

function OneVm({ token, redemption }: { token: JoinToken; redemption?: Redemption }) {
  const id = redemption ? proxyId(redemption, token) : '';
  const proxy = useQuery({ ...queries.proxy(id), enabled: id !== '', refetchInterval: 2000 });
  const ticks = ticksOf(token, redemption, proxy.data);
  const done = doneCount(ticks);
  const failed = ticks.some((tick) => tick.tone === 'bad');
  return (
    <Card
      title={redemption ? `${shortName(redemption.proxy)} is joining` : 'The VM is joining'}
      meta="updates by itself, keep the page open or leave"
      aside={
        <span role="status">
          <Pill tone={failed ? 'bad' : done === ticks.length ? 'ok' : 'go'}>
            {done} of {ticks.length}
          </Pill>
        </span>
      }
    >
      <div className="b">
        <Ticks ticks={ticks} />
        {redemption && (
          <div className="row wrap">
            <Link className="btn" to="/proxies" search={{ proxy: id }}>
              Open proxy
            </Link>
            {done === ticks.length && (
              <Link className="btn p" to="/topology">
                Show in topology
              </Link>
            )}
          </div>
        )}
      </div>
    </Card>
  );
}

function Command({ made, token }: { made: NewJoinToken | undefined; token: JoinToken }) {
  if (!made) {
    return (
      <Note tone="unknown">
        The command was shown once, when it was made.{' '}
        {token.state === 'active' ? 'If it is lost, cancel this token and add another VM.' : ''}
      </Note>
    );
  }
  return (
    <Card
      title="Run this on the VM"
      meta="root is not needed"
      aside={<CopyButton text={made.command} label="Copy command" />}
    >
      <div className="b col">
        {/* A long command scrolls, so it must be reachable by keyboard. */}
        {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
        <pre className="code text" tabIndex={0} aria-label="Join command" role="region">
          {made.command}
        </pre>
        <span className="sm two">
          The token works {token.uses === 1 ? 'once' : `${token.uses} times`}, until {clock(made.expiresAt)}. The VM
          makes its own key; it never leaves the VM.
        </span>
      </div>
    </Card>
  );
}

export function JoinProgress({ token, made }: { token: JoinToken; made: NewJoinToken | undefined }) {
  const newest = [...token.redemptions].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  return (
    <div className="scroll pad">
      <div className="grid">
        <div className="stack">
          <Command made={made} token={token} />
          {(newest.length < token.uses && token.usesLeft > 0) || newest.length === 0 ? <OneVm token={token} /> : null}
          {newest.map((redemption) => (
            <OneVm key={redemption.proxy} token={token} redemption={redemption} />
          ))}
        </div>
        <div className="stack">
          <Card title="Token">
            <div className="b">
              <Facts
                items={[
                  ['Group', `${token.namespace}/${token.workloadGroup}`],
                  [
                    'State',
                    { active: 'waits for a VM', used: 'used', expired: 'ended unused', revoked: 'cancelled' }[
                      token.state
                    ],
                  ],
                  ['Uses', `${token.uses - token.usesLeft} of ${token.uses}`],
                  ['Made', <Ago key="made" at={token.createdAt} />],
                  ['By', token.createdBy],
                  ['Works until', clock(token.expiresAt)],
                ]}
              />
            </div>
          </Card>
          {token.refusals.length > 0 && (
            <Card title="Refused tries">
              <div className="b col">
                {token.refusals.map((refusal) => (
                  <Note key={`${refusal.at}${refusal.reason}`} tone="bad">
                    {clock(refusal.at)} {refusal.reason}
                  </Note>
                ))}
              </div>
            </Card>
          )}
          <Card title="If it stops here">
            <div className="b col sm two">
              <p>
                <b className="b6">Nothing happens for 30 s:</b> the VM cannot reach the control plane. Run{' '}
                <code>meshweb-agent doctor</code> on the VM.
              </p>
              <p>
                <b className="b6">Token already used:</b> each VM needs its own use. Add another VM.
              </p>
              <p>
                <b className="b6">Revision refused:</b> this page shows Envoy’s reason.
              </p>
            </div>
          </Card>
        </div>
      </div>
    </div>
  );
}

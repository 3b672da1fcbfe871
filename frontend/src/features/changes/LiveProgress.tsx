import type { Revision, RevisionProxy } from '@/api/types';
import { clockMillis, duration, plural, shortName, span } from '@/ui/format';
import { Road, type RoadStep } from '@/ui/flow';
import { useNow } from '@/ui/now';
import { Ago, Card } from '@/ui/parts';
import { Pill, State, ToneIcon } from '@/ui/state';
import { openFirst, PROXY_WORDS, reasonOf, slowest, stateOf } from './words';

/** Above this many tiles only those that are not live are worth a look. */
const MANY = 40;

function since(from: string, to: string | null): string {
  return to ? `after ${duration(Date.parse(to) - Date.parse(from))}` : '';
}

export function roadOf(revision: Revision): RoadStep[] {
  const { counts, state } = revision;
  const done = state === 'live';
  const decided = state !== 'pending';
  const live = counts.rejected
    ? `${counts.rejected} refused`
    : counts.disconnected
      ? `${counts.disconnected} not connected`
      : done
        ? `slowest ${duration(slowest(revision))}`
        : `${counts.pending} not answered yet`;
  return [
    { title: 'Saved', detail: clockMillis(revision.createdAt), tone: 'ok' },
    {
      title: 'Compiled',
      detail: since(revision.createdAt, revision.compiledAt),
      tone: revision.compiledAt ? 'ok' : decided ? 'idle' : 'go',
    },
    {
      title: 'Sent',
      detail: counts.affected
        ? `to ${plural(counts.affected - counts.disconnected, 'proxy', 'proxies')}`
        : 'no proxy needs it',
      tone: revision.sentAt || done ? 'ok' : revision.compiledAt && !decided ? 'go' : 'idle',
    },
    {
      title: counts.affected ? `Live on ${counts.live} of ${counts.affected}` : 'Live',
      detail: counts.affected ? live : 'nothing had to be sent',
      tone:
        state === 'rejected' ? 'bad' : done ? 'ok' : state === 'superseded' ? 'idle' : revision.sentAt ? 'go' : 'idle',
    },
  ];
}

function Tile({ proxy, now }: { proxy: RevisionProxy; now: number }) {
  const { tone, word } = PROXY_WORDS[proxy.state];
  const detail = {
    live: proxy.millis === null ? '' : `after ${duration(proxy.millis)}`,
    pending: proxy.sentAt ? `${span(now - Date.parse(proxy.sentAt))} ago` : 'not yet',
    rejected: '',
    disconnected: '',
  }[proxy.state];
  const waiting = proxy.state === 'pending' && !proxy.sentAt;
  return (
    <li className={`pxy ${tone}`}>
      <b className="ell">{shortName(proxy.id)}</b>
      <State tone={tone}>
        {waiting ? 'Waiting' : word} <span className="dim xs">{waiting ? '' : detail}</span>
      </State>
      {proxy.state === 'rejected' && <span className="why">{proxy.detail || 'Envoy gave no reason.'}</span>}
    </li>
  );
}

function Tiles({ revision, carriers }: { revision: Revision; carriers?: ReadonlySet<string> }) {
  const now = useNow();
  const sorted = openFirst(revision.proxies, carriers);
  const shown = sorted.length > MANY ? sorted.filter((proxy) => proxy.state !== 'live') : sorted;
  if (sorted.length === 0) return <p className="two">No proxy needs anything new for this change.</p>;
  return (
    <>
      <ul className="px" aria-label="Proxies">
        {shown.map((proxy) => (
          <Tile key={proxy.id} proxy={proxy} now={now} />
        ))}
      </ul>
      {shown.length < sorted.length && <p className="dim sm">{sorted.length - shown.length} more are live.</p>}
    </>
  );
}

function Counts({ revision }: { revision: Revision }) {
  const { live, pending, rejected, disconnected } = revision.counts;
  return (
    <span className="row sm">
      <State tone="ok">{live} live</State>
      {pending > 0 && <State tone="go">{pending} waiting</State>}
      {rejected > 0 && <State tone="bad">{rejected} refused</State>}
      {disconnected > 0 && <State tone="away">{disconnected} not connected</State>}
    </span>
  );
}

/** Where a revision is on its way to every proxy. Read again by the page that shows it; leaving stops nothing. */
export function LiveProgress({ revision, carriers }: { revision: Revision; carriers?: ReadonlySet<string> }) {
  const { tone, word } = stateOf(revision);
  return (
    <>
      <Card
        title={`Revision ${revision.number}`}
        meta={
          <>
            {reasonOf(revision)} · {revision.author} · <Ago at={revision.createdAt} />
          </>
        }
        aside={
          <span role="status">
            <Pill tone={tone}>{word}</Pill>
          </span>
        }
      >
        <Road steps={roadOf(revision)} />
      </Card>
      <Card
        title="Proxies"
        meta={carriers?.size ? 'those that carry the calls first' : undefined}
        aside={<Counts revision={revision} />}
      >
        <div className="b col">
          <Tiles revision={revision} carriers={carriers} />
          {revision.counts.rejected > 0 && (
            <p className="sm two row">
              <ToneIcon tone="bad" /> A proxy that refuses keeps running what it had before.
            </p>
          )}
        </div>
      </Card>
    </>
  );
}

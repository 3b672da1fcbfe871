import type { JoinToken, Proxy, Redemption } from '@/api/types';
import { clock } from '@/ui/format';

export interface Tick {
  title: string;
  tone: 'ok' | 'go' | 'bad' | 'idle';
  at: string | null;
  detail: string;
}

interface Stage {
  title: string;
  done: boolean;
  at: string | null;
  fact: string;
  /** What must happen for this to be done. */
  next: string;
  failure?: string;
}

const ENDED: Partial<Record<JoinToken['state'], string>> = {
  expired: 'The token ended before a VM used it. Make another one.',
  revoked: 'The token was cancelled.',
};

function tokenStage(token: JoinToken, redemption: Redemption | undefined): Stage {
  const refusal = [...token.refusals].sort((a, b) => Date.parse(a.at) - Date.parse(b.at)).at(-1);
  return {
    title: 'Token used',
    done: redemption !== undefined,
    at: redemption?.at ?? null,
    fact: redemption
      ? `By ${redemption.proxy}. ${token.usesLeft ? `It works ${token.usesLeft} more times.` : 'No other VM can use it now.'}`
      : '',
    next: `Run the command on the VM. The token works until ${clock(token.expiresAt)}.`,
    failure: redemption
      ? undefined
      : (refusal && `Refused at ${clock(refusal.at)}: ${refusal.reason}`) || ENDED[token.state],
  };
}

function acceptedStage(redemption: Redemption | undefined, proxy: Proxy | undefined): Stage {
  const refused = proxy?.types.find((type) => type.state === 'rejected');
  const accepted = proxy?.types.filter((type) => type.state === 'synced').length ?? 0;
  const live = redemption?.liveRevision ?? null;
  return {
    title: live === null ? 'Revision accepted by Envoy' : `Revision ${live} accepted by Envoy`,
    done: live !== null,
    at:
      proxy?.types
        .map((type) => type.at)
        .filter((at) => at !== null)
        .sort()
        .at(-1) ?? null,
    fact: 'Envoy runs everything it was sent.',
    next: proxy
      ? `Envoy has accepted ${accepted} of ${proxy.types.length} parts so far.`
      : 'The agent starts Envoy and hands it the mesh.',
    failure:
      refused && live === null ? `Envoy refused the ${refused.type.toLowerCase()}: ${refused.detail}` : undefined,
  };
}

function healthStage(redemption: Redemption | undefined, proxy: Proxy | undefined): Stage {
  return {
    title: 'Health check passes',
    done: redemption?.health === 'healthy',
    at: proxy?.health.at ?? null,
    fact: proxy?.health.reason || 'The program answers.',
    next: 'The program on the VM must answer its check. Start it if it is not running.',
    failure:
      redemption?.health === 'unhealthy' ? proxy?.health.reason || 'The program does not answer its check.' : undefined,
  };
}

function stages(token: JoinToken, redemption: Redemption | undefined, proxy: Proxy | undefined): Stage[] {
  return [
    tokenStage(token, redemption),
    {
      title: 'Certificate issued',
      done: Boolean(redemption?.certificateIssuedAt),
      at: redemption?.certificateIssuedAt ?? null,
      fact: proxy?.identity ?? 'The key was made on the VM and stays there.',
      next: 'A worker signs the request of the VM.',
    },
    {
      title: 'Agent connected',
      done: Boolean(redemption?.connectedAt),
      at: redemption?.connectedAt ?? null,
      fact: proxy
        ? `Agent ${proxy.agentVersion || 'unknown'}, Envoy ${proxy.envoyVersion || 'unknown'}, capture: ${proxy.mode}.`
        : '',
      next: 'The VM must reach the control plane’s port for agents. On the VM: meshweb-agent doctor.',
    },
    acceptedStage(redemption, proxy),
    healthStage(redemption, proxy),
    {
      title: 'First request arrives',
      done: Boolean(redemption?.firstRequestAt),
      at: redemption?.firstRequestAt ?? null,
      fact: 'It shows in Topology.',
      next: 'Call it from any VM of the mesh. Then it shows in Topology.',
    },
  ];
}

/**
 * The way of one VM into the mesh. A stage is done when it was observed, whatever the others say; the first open one is
 * under way, unless it failed; stages behind it wait.
 */
export function ticksOf(token: JoinToken, redemption: Redemption | undefined, proxy: Proxy | undefined): Tick[] {
  let open = true;
  return stages(token, redemption, proxy).map(({ title, done, at, fact, next, failure }) => {
    if (done) return { title, tone: 'ok', at, detail: fact };
    const first = open;
    open = false;
    const reason = failure ?? (first && redemption?.error ? redemption.error : undefined);
    if (reason) return { title, tone: 'bad', at: null, detail: reason };
    return { title, tone: first ? 'go' : 'idle', at: null, detail: next };
  });
}

export function doneCount(ticks: Tick[]): number {
  return ticks.filter((tick) => tick.tone === 'ok').length;
}

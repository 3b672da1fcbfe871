import type { SeenEndpoint, Workload } from '@/api/types';
import { plural, shortName } from '@/ui/format';
import type { Tone } from '@/ui/state';

/** How one caller sees an endpoint, as people say it. */
export const SIGHT_WORDS: Record<SeenEndpoint['state'], { tone: Tone; word: string }> = {
  healthy: { tone: 'ok', word: 'Healthy' },
  failing: { tone: 'bad', word: 'Failing its checks' },
  ejected: { tone: 'bad', word: 'Taken out by outlier detection' },
  withdrawn: { tone: 'bad', word: 'Taken out: its own check fails' },
  checking: { tone: 'go', word: 'Not checked yet' },
};

const BY: Record<Exclude<SeenEndpoint['state'], 'healthy'>, string> = {
  failing: 'fails the checks of',
  ejected: 'taken out by outlier detection of',
  withdrawn: 'its own check fails, known to',
  checking: 'not checked yet by',
};

/** One line about all callers of a workload. Who never called or checked it has seen nothing, and is not counted. */
export function seenWords(seen: Workload['seen']): { tone: Tone; word: string } {
  const { callers, healthy, out } = seen;
  if (callers === 0) return { tone: 'idle', word: 'Nobody called it lately' };
  if (healthy === callers)
    return { tone: 'ok', word: callers === 1 ? 'Healthy to its caller' : `Healthy to all ${callers} callers` };
  const states = new Set(out.map(({ state }) => state));
  const onlyChecking = states.size === 1 && states.has('checking');
  const tone: Tone = onlyChecking ? 'go' : healthy === 0 ? 'bad' : 'warn';
  return { tone, word: `Healthy to ${healthy} of ${plural(callers, 'caller')}` };
}

export function sightWords(sight: SeenEndpoint): string {
  return sight.state === 'healthy' ? 'Healthy' : `${BY[sight.state]} ${shortName(sight.caller)}`;
}

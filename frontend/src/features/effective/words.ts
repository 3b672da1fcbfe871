import type {
  Effective,
  EffectiveDestination,
  EffectiveRoute,
  EffectiveUpstream,
  EffectiveValue,
  Origin,
} from '@/api/types';
import { duration, percent, shortName } from '@/ui/format';

/** One setting in force, as people say it. */
export interface Setting {
  key: string;
  label: string;
  /** One sentence about what it means. */
  says: string;
  value: string;
  /** Shown small behind the value. */
  more: string;
  origin: Origin | null;
}

type Value = EffectiveValue['value'];

const limit = (value: Value) => (Number(value) > 0 ? duration(Number(value)) : 'no limit');
const count = (value: Value) => (value === 'unlimited' ? 'no limit' : String(value));

const TLS: Record<string, string> = {
  ISTIO_MUTUAL: 'mTLS',
  MUTUAL: 'TLS, with a certificate',
  SIMPLE: 'TLS',
  DISABLE: 'none',
  STRICT: 'Required',
  PERMISSIVE: 'Accepted, not required',
};

const BALANCERS: Record<string, string> = {
  LEAST_REQUEST: 'Least requests',
  ROUND_ROBIN: 'In turn',
  RANDOM: 'Random',
  PASSTHROUGH: 'Where the caller wanted to go',
  RING_HASH: 'By hash, ring',
  MAGLEV: 'By hash, Maglev',
};

const sayIn = (words: Record<string, string>) => (value: Value) => words[String(value)] ?? String(value);

const WORDS: Record<string, { label: string; says: string; value?: (value: Value) => string }> = {
  timeout: { label: 'Timeout', says: 'The caller stops waiting for the whole answer after this time', value: limit },
  tryTimeout: { label: 'Time per try', says: 'One try is given up after this time', value: limit },
  'retries.attempts': {
    label: 'Retries',
    says: 'How often a failed call is sent again, and for which failures',
    value: (value) => (Number(value) > 0 ? `${value} more` : 'none'),
  },
  'fault.delay': { label: 'Made slow', says: 'Calls that are held back on purpose' },
  'fault.abort': { label: 'Made to fail', says: 'Calls that are answered with an error on purpose' },
  mirror: { label: 'Copied', says: 'Calls that are also sent elsewhere; their answers are thrown away' },
  sessionPersistence: { label: 'Sticks by', says: 'Calls with the same value go to the same workload' },
  'tls.mode': { label: 'Encryption', says: 'How the connection to the workload is secured', value: sayIn(TLS) },
  mtls: { label: 'Encryption', says: 'Whether callers must use mTLS', value: sayIn(TLS) },
  loadBalancer: { label: 'Balancing', says: 'How a workload is chosen for each call', value: sayIn(BALANCERS) },
  'warmup.duration': { label: 'Warm-up', says: 'A new workload gets its full share after this time', value: limit },
  connectTimeout: { label: 'Connect within', says: 'A connection that takes longer is given up', value: limit },
  maxConnections: { label: 'Connections', says: 'More of them at once are not opened', value: count },
  http1MaxPendingRequests: {
    label: 'Waiting calls',
    says: 'More calls than this do not queue, they fail',
    value: count,
  },
  http2MaxRequests: { label: 'Calls at once', says: 'More calls than this at once fail', value: count },
  maxRetries: { label: 'Retries at once', says: 'More retries than this at once are not made', value: count },
  maxRequestsPerConnection: {
    label: 'Calls per connection',
    says: 'After this many calls a new connection is opened',
    value: count,
  },
  panicThreshold: {
    label: 'Call all below',
    says: 'With fewer healthy workloads than this, all are called',
    value: (value) => (Number(value) > 0 ? `${value} % healthy` : 'never'),
  },
  outlierDetection: {
    label: 'Skip failing',
    says: 'Whether workloads that fail are left out for a while',
    value: (value) => String(value),
  },
};

const OUTLIER = 'outlierDetection.';
const CHECK = 'healthCheck';

/** An active check is one sentence; that there is none says nothing. */
function check(values: EffectiveValue[]): Setting | null {
  const of = (name: string) => values.find((each) => each.name === name);
  const asked = of(CHECK);
  if (!asked || asked.value === 'off') return null;
  const every = duration(Number(of(`${CHECK}.interval`)?.value));
  return {
    key: CHECK,
    label: 'Health check',
    says: 'Each caller asks each workload by itself, and does not call one that fails',
    value: String(asked.value),
    more: `every ${every}; out after ${of(`${CHECK}.unhealthyThreshold`)?.value} failures in a row`,
    origin: asked.origin,
  };
}

/** The parts of outlier detection make one sentence. */
function outlier(values: EffectiveValue[]): Setting | null {
  const of = (name: string) => values.find((each) => each.name === OUTLIER + name)?.value;
  const parts = values.filter((each) => each.name.startsWith(OUTLIER));
  if (parts.length === 0) return null;
  const after = [
    of('consecutive5xxErrors') !== 'off' && `${of('consecutive5xxErrors')} errors in a row`,
    of('consecutiveGatewayErrors') !== 'off' && `${of('consecutiveGatewayErrors')} gateway errors in a row`,
  ].filter(Boolean);
  return {
    key: 'outlierDetection',
    label: 'Skip failing',
    says: 'Workloads that fail are left out for a while',
    value: after.length ? `after ${after.join(' or ')}` : 'off',
    more: `for ${duration(Number(of('baseEjectionTime')))}, at most ${of('maxEjectionPercent')} % of them, looked at every ${duration(Number(of('interval')))}`,
    origin: parts[0]?.origin ?? null,
  };
}

function retriesMore(values: EffectiveValue[]): string {
  const on = values.find((each) => each.name === 'retries.on')?.value;
  const backoff = values.find((each) => each.name === 'retries.backoff')?.value;
  const parts = [
    on ? `on ${String(on).split(',').join(', ')}` : '',
    backoff === undefined ? '' : `first after ${duration(Number(backoff))}`,
  ];
  return parts.filter(Boolean).join('; ');
}

const LIMITS = new Set([
  'maxConnections',
  'http1MaxPendingRequests',
  'http2MaxRequests',
  'maxRetries',
  'maxRequestsPerConnection',
]);

/** Limits that nobody set are one line: there are many, and they say nothing. */
function noLimits(values: EffectiveValue[]): Setting | null {
  const names = values.map(({ name }) => (WORDS[name]?.label ?? name).toLowerCase());
  if (names.length === 0) return null;
  return {
    key: 'limits',
    label: names.length === LIMITS.size ? 'Limits' : 'Other limits',
    says: 'How much one caller may have open or under way at once',
    value: 'none',
    more: `on ${names.join(', ')}`,
    origin: null,
  };
}

/** Values of the API as settings: what belongs together is one, what the console does not know keeps its name. */
export function settingsOf(values: EffectiveValue[]): Setting[] {
  const found: Setting[] = [];
  const unset = values.filter(({ name, value, origin }) => LIMITS.has(name) && value === 'unlimited' && !origin);
  for (const each of values) {
    const { name, value, origin } = each;
    if (unset.includes(each)) continue;
    if (name === 'retries.on' || name === 'retries.backoff' || name.startsWith(OUTLIER)) continue;
    if (name.startsWith(CHECK) || (name === 'panicThreshold' && !origin)) continue;
    const words = WORDS[name];
    found.push({
      key: name,
      label: words?.label ?? name,
      says: words?.says ?? 'As the documents call it',
      value: words?.value?.(value) ?? String(value),
      more: name === 'retries.attempts' && Number(value) > 0 ? retriesMore(values) : '',
      origin,
    });
  }
  return [...found, noLimits(unset), outlier(values), check(values)].filter((setting) => setting !== null);
}

/** "shop/payments-v1:8080" -> its parts. */
export function destinationOf(to: string): { service: string; port: number } {
  const at = to.lastIndexOf(':');
  return { service: to.slice(0, at), port: Number(to.slice(at + 1)) };
}

export function shareWords({ shares, action }: EffectiveRoute): string {
  if (shares.length === 0) return action;
  return shares
    .map(({ to, subset, share }) => {
      const name = to ? `${shortName(to)}${subset ? ` (${subset})` : ''}` : 'nothing, answered with an error';
      return shares.length > 1 ? `${name} ${percent(share)}` : name;
    })
    .join(' · ');
}

export function matchWords(match: string): string {
  return match === 'everything' ? 'every call' : match;
}

/** Where the calls to a service end up, each destination once. */
export function destinationsOf(upstream: Pick<EffectiveUpstream, 'routes'>, all: EffectiveDestination[]) {
  const wanted = new Set(upstream.routes.flatMap(({ shares }) => shares.map(({ to, subset }) => `${to} ${subset}`)));
  return all.filter(({ service, port, subset }) => wanted.has(`${service}:${port} ${subset}`));
}

/** Documents that say something about the calls to a service. */
export function saidBy(routes: EffectiveRoute[], destinations: EffectiveDestination[]): string[] {
  const origins = [
    ...routes.flatMap((route) => [route.origin, ...route.values.map((value) => value.origin)]),
    ...destinations.flatMap(({ values }) => values.map((value) => value.origin)),
  ];
  return [...new Set(origins.flatMap((origin) => (origin ? [origin.document] : [])))].sort();
}

export interface Called {
  key: string;
  title: string;
  upstream: EffectiveUpstream;
  destinations: EffectiveDestination[];
  documents: string[];
}

/** Services that a proxy may call; those about which a document says something come first. */
export function called({ upstreams, destinations }: Effective): Called[] {
  return upstreams
    .map((upstream) => {
      const own = destinationsOf(upstream, destinations);
      return {
        key: `${upstream.service}:${upstream.port}`,
        title: upstream.service,
        upstream,
        destinations: own,
        documents: saidBy(upstream.routes, own),
      };
    })
    .sort((a, b) => Number(b.documents.length > 0) - Number(a.documents.length > 0) || a.key.localeCompare(b.key));
}

/** "ALLOW shop/payments-callers" -> what the policy does, and its document. */
export function policyOf(text: string): { action: string; document: string } {
  const [action = '', id = ''] = text.split(' ');
  const words: Record<string, string> = { ALLOW: 'Allows', DENY: 'Denies', CUSTOM: 'Asks', AUDIT: 'Records' };
  return { action: words[action] ?? action, document: `AuthorizationPolicy ${id}` };
}

export function health(destinations: EffectiveDestination[]): { tone: 'ok' | 'warn' | 'bad' | 'idle'; words: string } {
  const all = destinations.reduce((sum, each) => sum + each.endpoints, 0);
  const healthy = destinations.reduce((sum, each) => sum + each.healthy, 0);
  if (all === 0) return { tone: 'bad', words: 'no endpoint' };
  const words = `${healthy} of ${all} healthy`;
  return { tone: healthy === 0 ? 'bad' : healthy < all ? 'warn' : 'ok', words };
}

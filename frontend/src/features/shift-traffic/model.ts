import type { BackendRef, Draft, HttpRouteDocument, HttpRouteSpec, RouteRule, ServiceDocument } from '@/api/types';
import { idOf, matchWords, routesOf } from '@/features/services/model';

/** One number field: a backend and the share of calls it gets, in whole percent. */
export interface Weight {
  name: string;
  port: number;
  namespace?: string;
  percent: number;
  /** What it is now; null for a backend that is not in the route yet. */
  now: number | null;
}

/** Where the split is written: a rule of a route that exists, or a route to be made. */
export interface Place {
  key: string;
  label: string;
  route: HttpRouteDocument | null;
  rule: number;
}

/** Percentages of whole numbers that add up to 100, closest to the shares (largest remainder). */
export function toPercents(weights: number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return weights.map(() => 0);
  const exact = weights.map((weight) => (weight / total) * 100);
  const floors = exact.map(Math.floor);
  let missing = 100 - floors.reduce((sum, floor) => sum + floor, 0);
  const byRemainder = exact
    .map((value, index) => ({ index, rest: value - Math.floor(value) }))
    .sort((a, b) => b.rest - a.rest || a.index - b.index);
  for (const { index } of byRemainder) {
    if (missing <= 0) break;
    floors[index] = (floors[index] ?? 0) + 1;
    missing--;
  }
  return floors;
}

/** Rules of this service's routes that send calls somewhere; those that split come first. */
export function placesOf(service: string, routes: HttpRouteDocument[]): Place[] {
  const places = routesOf(routes, service).flatMap((route) =>
    (route.spec.rules ?? []).map((rule, index) => ({
      key: `${idOf(route)}/${index}`,
      label: `${route.metadata.name}: ${matchWords(rule)}`,
      route,
      rule: index,
      backends: rule.backendRefs?.length ?? 0,
    })),
  );
  return places
    .filter((place) => place.backends > 0)
    .sort((a, b) => Number(b.backends > 1) - Number(a.backends > 1))
    .map(({ key, label, route, rule }) => ({ key, label, route, rule }));
}

function ruleOf(place: Place): RouteRule | undefined {
  return place.route?.spec.rules?.[place.rule];
}

export function weightsNow(place: Place | null, service: ServiceDocument): Weight[] {
  const backends = place && ruleOf(place)?.backendRefs;
  if (!backends?.length) {
    const port = service.spec.ports[0]?.port ?? 80;
    return [{ name: service.metadata.name, port, percent: 100, now: 100 }];
  }
  const percents = toPercents(backends.map((backend) => backend.weight ?? 1));
  return backends.map(({ name, port, namespace }, index) => {
    const percent = percents[index] ?? 0;
    return { name, port, namespace, percent, now: percent };
  });
}

export function keyOf(weight: Pick<Weight, 'name' | 'port' | 'namespace'>): string {
  return `${weight.namespace ? `${weight.namespace}/` : ''}${weight.name}:${weight.port}`;
}

export function total(weights: Weight[]): number {
  return weights.reduce((sum, weight) => sum + weight.percent, 0);
}

/** Why these weights cannot be reviewed yet; null when they can. */
export function objection(weights: Weight[]): string | null {
  if (weights.length < 2) return 'Add a backend to share the calls with';
  if (weights.some(({ percent }) => !Number.isInteger(percent) || percent < 0))
    return 'Every share is a whole number, 0 or more';
  const sum = total(weights);
  if (sum > 100) return `The shares add up to ${sum} %, ${sum - 100} % too much`;
  if (sum < 100) return `The shares add up to ${sum} %, ${100 - sum} % are missing`;
  if (weights.every(({ percent, now }) => percent === now)) return 'Nothing is different from now';
  return null;
}

/** `payments-v1:8080=75,payments-v2:8080=25`: the draft lives in the address. */
export function writeWeights(weights: Weight[]): string {
  return weights.map((weight) => `${keyOf(weight)}=${weight.percent}`).join(',');
}

export function readWeights(text: string | undefined, now: Weight[]): Weight[] {
  if (!text) return now;
  const drafted = new Map<string, number>();
  for (const part of text.split(',')) {
    const match = /^(.+:\d+)=(\d{1,3})$/.exec(part);
    if (match?.[1]) drafted.set(match[1], Number(match[2]));
  }
  const kept = now.map((weight) => ({ ...weight, percent: drafted.get(keyOf(weight)) ?? weight.percent }));
  const known = new Set(now.map(keyOf));
  const added = [...drafted].filter(([key]) => !known.has(key)).map(([key, percent]) => fromKey(key, percent));
  return [...kept, ...added];
}

function fromKey(key: string, percent: number): Weight {
  const colon = key.lastIndexOf(':');
  const [first = '', second] = key.slice(0, colon).split('/');
  const port = Number(key.slice(colon + 1));
  return second === undefined
    ? { name: first, port, percent, now: null }
    : { namespace: first, name: second, port, percent, now: null };
}

function toBackend(weight: Weight, known: BackendRef[]): BackendRef {
  const same = known.find((backend) => keyOf(backend) === keyOf(weight));
  const base: BackendRef = same ?? {
    name: weight.name,
    port: weight.port,
    ...(weight.namespace ? { namespace: weight.namespace } : {}),
  };
  return { ...base, weight: weight.percent };
}

/** The document to apply. Of an existing route only the weights of one rule change; all else is sent back as it was read. */
export function draftOf(place: Place | null, service: ServiceDocument, weights: Weight[]): Draft<HttpRouteSpec> {
  const { name, namespace } = service.metadata;
  const route = place?.route;
  if (!place || !route) {
    const port = service.spec.ports[0]?.port;
    return {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name, namespace },
      spec: {
        parentRefs: [{ group: '', kind: 'Service', name, ...(port === undefined ? {} : { port }) }],
        rules: [{ backendRefs: weights.map((weight) => toBackend(weight, [])) }],
      },
    };
  }
  const rules = (route.spec.rules ?? []).map((rule, index) =>
    index === place.rule
      ? { ...rule, backendRefs: weights.map((weight) => toBackend(weight, rule.backendRefs ?? [])) }
      : rule,
  );
  return {
    apiVersion: route.apiVersion,
    kind: route.kind,
    metadata: {
      name: route.metadata.name,
      namespace: route.metadata.namespace,
      labels: route.metadata.labels,
      // Refused by the server when somebody changed the route since it was read.
      resourceVersion: route.metadata.resourceVersion,
    },
    spec: { ...route.spec, rules },
  };
}

/** "payments-v2 goes from 10 % to 25 % of calls". */
export function sentence(weights: Weight[]): string {
  const moved = weights.filter(({ percent, now }) => percent !== now);
  const grown = moved.filter(({ percent, now }) => percent > (now ?? 0));
  const shown = (grown.length ? grown : moved).map(
    ({ name, percent, now }) => `${name} goes from ${now ?? 0} % to ${percent} %`,
  );
  return shown.length ? `${shown.join(', ')} of calls` : 'Nothing changes';
}

/** The command that does the same from a terminal. */
export function asCommand(yaml: string, reason: string): string {
  const why = reason ? ` --reason '${reason.replace(/'/g, `'\\''`)}'` : '';
  return `meshctl apply${why} -f - <<'EOF'\n${yaml.trimEnd()}\nEOF\n`;
}

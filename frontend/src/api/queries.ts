import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { ApiError, call, read, readAll } from './client';
import { pathOf as documentPath, type Place } from './places';
import type {
  AccessMatrix,
  AccessSuggestions,
  AnyDocument,
  ApplyResult,
  AuthoredDocument,
  AccessRecords,
  Call,
  Denials,
  Draft,
  Effective,
  Explanation,
  HttpRouteDocument,
  JoinToken,
  Mesh,
  NewJoinToken,
  Page,
  Proxy,
  ProxyEndpoints,
  Revision,
  RevisionDiff,
  RevisionSummary,
  Series,
  ServiceDocument,
  Session,
  Topology,
  Workload,
  WorkloadGroupDocument,
} from './types';

/** Hints over the WebSocket may be lost: everything is read again this often. */
export const POLL = 15_000;
export const POLL_TOPOLOGY = 5_000;

interface Plurals {
  namespaces: AnyDocument;
  services: ServiceDocument;
  workloadgroups: WorkloadGroupDocument;
  httproutes: HttpRouteDocument;
}

export const queries = {
  session: () =>
    queryOptions({
      queryKey: ['session'],
      queryFn: async ({ signal }): Promise<Session | null> => {
        try {
          return await read<Session>('/session', {}, signal);
        } catch (error) {
          if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return null;
          throw error;
        }
      },
      staleTime: 60_000,
    }),
  mesh: () =>
    queryOptions({
      queryKey: ['mesh'],
      queryFn: ({ signal }) => read<Mesh>('/mesh', {}, signal),
      refetchInterval: POLL,
    }),
  proxies: (namespace?: string) =>
    queryOptions({
      queryKey: ['proxies', namespace ?? ''],
      queryFn: ({ signal }) => readAll<Proxy>('/proxies', { namespace }, signal),
      refetchInterval: POLL,
    }),
  proxy: (id: string) =>
    queryOptions({
      queryKey: ['proxy', id],
      queryFn: ({ signal }) => read<Proxy>(`/proxies/${pathOf(id)}`, {}, signal),
      refetchInterval: POLL,
    }),
  /** How a proxy sees the endpoints that it calls or checks. */
  proxyEndpoints: (id: string) =>
    queryOptions({
      queryKey: ['proxy-endpoints', id],
      queryFn: ({ signal }) => read<ProxyEndpoints>(`/proxies/${pathOf(id)}/endpoints`, {}, signal),
      refetchInterval: POLL_TOPOLOGY,
    }),
  workloads: (service: string) =>
    queryOptions({
      queryKey: ['workloads', service],
      queryFn: ({ signal }) => readAll<Workload>('/workloads', { service }, signal),
      refetchInterval: POLL_TOPOLOGY,
    }),
  documents: <P extends keyof Plurals>(plural: P, namespace?: string) =>
    queryOptions({
      queryKey: ['documents', plural, namespace ?? ''],
      queryFn: ({ signal }) => readAll<Plurals[P]>(`/${plural}`, { namespace }, signal),
      refetchInterval: POLL,
    }),
  document: <P extends keyof Plurals>(plural: P, id: string) =>
    queryOptions({
      queryKey: ['documents', plural, 'one', id],
      queryFn: ({ signal }) => read<Plurals[P]>(`/${plural}/${pathOf(id)}`, {}, signal),
      refetchInterval: POLL,
    }),
  /** Documents of any kind, when only what all kinds have matters. Shares what it read with `documents`. */
  anyDocuments: (plural: string, namespace?: string) =>
    queryOptions({
      queryKey: ['documents', plural, namespace ?? ''],
      queryFn: ({ signal }) => readAll<AnyDocument>(`/${plural}`, { namespace }, signal),
      refetchInterval: POLL,
    }),
  anyDocument: (place: Place) =>
    queryOptions({
      queryKey: ['documents', place.plural, 'one', `${place.namespace}/${place.name}`],
      queryFn: ({ signal }) => read<AnyDocument>(documentPath(place), {}, signal),
      refetchInterval: POLL,
    }),
  effective: (proxy: string) =>
    queryOptions({
      queryKey: ['effective', proxy],
      queryFn: ({ signal }) => read<Effective>(`/proxies/${pathOf(proxy)}/effective`, {}, signal),
      refetchInterval: POLL,
    }),
  topology: (window: string, namespace?: string, at?: string) =>
    queryOptions({
      queryKey: ['topology', window, namespace ?? '', at ?? ''],
      queryFn: ({ signal }) => read<Topology>('/topology', { window, namespace, at }, signal),
      refetchInterval: at ? false : POLL_TOPOLOGY,
      // The picture stays while the next one is read, so that nothing jumps; a different window starts anew.
      placeholderData: (previous) => previous,
    }),
  series: (ends: { source?: string; destination?: string }, window: string, at?: string) =>
    queryOptions({
      queryKey: ['series', ends.source ?? '', ends.destination ?? '', window, at ?? ''],
      queryFn: ({ signal }) => read<Series>('/topology/series', { ...ends, window, step: stepOf(window), at }, signal),
      refetchInterval: at ? false : POLL,
    }),
  denials: (ends: { source?: string; destination?: string }, window: string, at?: string) =>
    queryOptions({
      queryKey: ['denials', ends.source ?? '', ends.destination ?? '', window, at ?? ''],
      queryFn: ({ signal }) => read<Denials>('/denials', { ...ends, window, at }, signal),
      refetchInterval: at ? false : POLL,
    }),
  accessMatrix: (asked: { namespace?: string; caller?: string; service?: string }, window: string, at?: string) =>
    queryOptions({
      queryKey: ['access-matrix', asked.namespace ?? '', asked.caller ?? '', asked.service ?? '', window, at ?? ''],
      queryFn: ({ signal }) => read<AccessMatrix>('/access-matrix', { ...asked, window, at, limit: 100 }, signal),
      refetchInterval: at ? false : POLL,
      placeholderData: (previous) => previous,
    }),
  /** Suggestions do not change under the reader: what is reviewed is what was read. */
  accessSuggestions: (asked: { namespace?: string; service?: string }) =>
    queryOptions({
      queryKey: ['access-suggestions', asked.namespace ?? '', asked.service ?? ''],
      queryFn: ({ signal }) => read<AccessSuggestions>('/access-suggestions', { ...asked }, signal),
      staleTime: Infinity,
    }),
  explain: (asked: Partial<Call> & { to: string }) =>
    queryOptions({
      queryKey: ['explain', JSON.stringify(asked)],
      queryFn: async () => (await call<Explanation>('/explain', { method: 'POST', body: asked })).body,
      refetchInterval: POLL,
      retry: false,
    }),
  /** The newest calls that an AUDIT policy recorded. */
  accessRecords: (policy: string, window: string) =>
    queryOptions({
      queryKey: ['access-records', policy, window],
      queryFn: ({ signal }) => read<AccessRecords>('/access-records', { policy, window, limit: 20 }, signal),
      refetchInterval: POLL,
    }),
  revisions: () =>
    infiniteQueryOptions({
      queryKey: ['revisions'],
      queryFn: ({ pageParam, signal }) =>
        read<Page<RevisionSummary>>('/revisions', { limit: 50, cursor: pageParam || undefined }, signal),
      initialPageParam: '',
      getNextPageParam: (page) => page.next,
      refetchInterval: POLL,
    }),
  /** While it is under way the server holds the answer until it is decided, a second at most: tiles fill meanwhile. */
  revision: (number: number) =>
    queryOptions({
      queryKey: ['revision', number],
      queryFn: ({ signal, client }) => {
        const known = client.getQueryData<Revision>(['revision', number]);
        const wait = known?.state === 'pending' ? '1s' : undefined;
        return read<Revision>(`/revisions/${number}`, { wait }, signal);
      },
      refetchInterval: (query) => (query.state.data?.state === 'pending' ? 250 : POLL),
    }),
  revisionDiff: (number: number) =>
    queryOptions({
      queryKey: ['revision-diff', number],
      queryFn: ({ signal }) => read<RevisionDiff>(`/revisions/${number}/diff`, {}, signal),
      staleTime: Infinity,
    }),
  joinToken: (id: string) =>
    queryOptions({
      queryKey: ['join-token', id],
      queryFn: ({ signal }) => read<JoinToken>(`/join-tokens/${encodeURIComponent(id)}`, {}, signal),
      refetchInterval: 2_000,
    }),
};

export const commands = {
  signIn: (credentials: { username: string; password: string } | { loginToken: string }) =>
    call<Session>('/session', { method: 'POST', body: credentials }),
  signOut: () => call<null>('/session', { method: 'DELETE' }),
  apply: async (documents: (Draft | AuthoredDocument)[], options: { dryRun: boolean; reason?: string }) =>
    (
      await call<ApplyResult>('/apply', {
        method: 'POST',
        query: { dryRun: options.dryRun || undefined, reason: options.reason },
        body: documents,
      })
    ).body,
  /** `seen`: the version that the reader looked at; another one is not deleted. */
  deletion: async (place: Place, seen: string) =>
    (
      await call<ApplyResult>(documentPath(place), {
        method: 'DELETE',
        query: { dryRun: true },
        ifMatch: `"${seen}"`,
      })
    ).body,
  deleteDocument: async (place: Place, seen: string, reason: string) =>
    (await call<null>(documentPath(place), { method: 'DELETE', query: { reason }, ifMatch: `"${seen}"` })).revision,
  rollBack: async (number: number, dryRun: boolean) =>
    (
      await call<ApplyResult>(`/revisions/${number}/rollback`, {
        method: 'POST',
        query: { dryRun: dryRun || undefined },
      })
    ).body,
  createJoinToken: async (token: { namespace: string; workloadGroup: string; ttl: string; uses: number }) =>
    (await call<NewJoinToken>('/join-tokens', { method: 'POST', body: token })).body,
  revokeJoinToken: (id: string) => call<null>(`/join-tokens/${encodeURIComponent(id)}`, { method: 'DELETE' }),
};

function pathOf(id: string): string {
  return id.split('/').map(encodeURIComponent).join('/');
}

const STEPS: Record<string, string> = { '60s': '10s', '5m': '10s', '15m': '10s', '1h': '30s' };

function stepOf(window: string): string {
  return STEPS[window] ?? '10s';
}

/** The shapes of the REST API. Every feature imports them from here, and nowhere else. */

export interface Violation {
  document: number;
  pointer: string;
  code: string;
  detail: string;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  requestId: string;
  errors?: Violation[];
}

export interface Page<T> {
  items: T[];
  next: string | null;
  revision: number;
}

export interface Session {
  username: string;
}

export interface Condition {
  type: 'Accepted' | 'ResolvedRefs' | 'Programmed';
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  observedGeneration: number;
  lastTransitionTime: string;
}

export interface Metadata {
  name: string;
  namespace?: string;
  uid: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  resourceVersion: string;
  generation: number;
  creationTimestamp: string;
}

export interface Document<Spec = Record<string, unknown>> {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
  spec: Spec;
  status: { conditions: Condition[] };
}

/** A document as it is sent: the server fills in the rest of the metadata. */
export interface Draft<Spec = Record<string, unknown>> {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; resourceVersion?: string };
  spec: Spec;
}

export interface ServicePort {
  name?: string;
  port: number;
  targetPort?: number | string;
  appProtocol?: string;
}
export interface ServiceSpec {
  selector?: Record<string, string>;
  ports: ServicePort[];
}
export interface WorkloadGroupSpec {
  metadata?: { labels?: Record<string, string> };
  template: { serviceAccount?: string; ports?: Record<string, number> };
  probe?: { httpGet?: { path?: string; port: number }; tcpSocket?: { port: number } };
}
export interface BackendRef {
  group?: string;
  kind?: string;
  name: string;
  namespace?: string;
  port: number;
  weight?: number;
}
export interface ParentRef {
  group: string;
  kind: string;
  name: string;
  namespace?: string;
  port?: number;
}
export interface RouteRule {
  name?: string;
  matches?: {
    path?: { type?: string; value?: string };
    method?: string;
    headers?: { name: string; value: string }[];
  }[];
  backendRefs?: BackendRef[];
  timeouts?: { request?: string; backendRequest?: string };
  [field: string]: unknown;
}
export interface HttpRouteSpec {
  parentRefs: ParentRef[];
  hostnames?: string[];
  rules?: RouteRule[];
  [field: string]: unknown;
}

export type ServiceDocument = Document<ServiceSpec>;
export type WorkloadGroupDocument = Document<WorkloadGroupSpec>;
export type HttpRouteDocument = Document<HttpRouteSpec>;

export interface Impact {
  proxies: { id: string; changes: string[]; connected: boolean }[];
  services: string[];
}

export interface ApplyOutcome {
  document: number;
  apiVersion: string;
  kind: string;
  namespace?: string;
  name: string;
  action: 'created' | 'updated' | 'unchanged' | 'deleted';
  before: string | null;
  after: string | null;
  diff: { op: 'add' | 'remove' | 'replace'; path: string; before?: unknown; after?: unknown }[];
}

export interface ApplyResult {
  revision: number | null;
  dryRun: boolean;
  impact: Impact;
  results: ApplyOutcome[];
}

export interface RevisionSummary {
  number: number;
  createdAt: string;
  author: string;
  origin: 'api' | 'cli' | 'console' | 'agent' | 'system';
  reason: string;
  state: 'pending' | 'live' | 'rejected' | 'superseded';
  changes: { action: 'created' | 'updated' | 'deleted'; kind: string; namespace: string; name: string }[];
  counts: { affected: number; live: number; rejected: number; pending: number; disconnected: number };
}

export interface RevisionProxy {
  id: string;
  state: 'live' | 'pending' | 'rejected' | 'disconnected';
  sentAt: string | null;
  at: string | null;
  millis: number | null;
  detail: string;
}

export interface Revision extends RevisionSummary {
  compiledAt: string | null;
  sentAt: string | null;
  liveAt: string | null;
  proxies: RevisionProxy[];
}

export interface RevisionDiff {
  items: {
    kind: string;
    namespace: string;
    name: string;
    action: string;
    before: string | null;
    after: string | null;
  }[];
}

export type XdsType = 'Clusters' | 'Endpoints' | 'Listeners' | 'Routes' | 'Secrets';

export interface ProxyType {
  type: XdsType;
  state: 'synced' | 'pending' | 'rejected' | 'unsent';
  version: string | null;
  at: string | null;
  detail: string;
}

export interface Proxy {
  id: string;
  namespace: string;
  name: string;
  workloadGroup: string;
  identity: string;
  mode: 'loopback' | 'proxy' | 'explicit';
  bind: string;
  appAddress: string;
  agentVersion: string;
  envoyVersion: string;
  state: 'joining' | 'synced' | 'pending' | 'rejected' | 'disconnected';
  connected: boolean;
  connectedAt: string | null;
  lastSeen: string | null;
  liveRevision: number | null;
  wantedRevision: number | null;
  services: string[];
  health: { state: 'healthy' | 'unhealthy' | 'unknown'; reason: string; at: string | null };
  certificate: { serial: string; notBefore: string; expiresAt: string } | null;
  types: ProxyType[];
  firstRequestAt: string | null;
  joinedAt: string;
}

export interface Redemption {
  proxy: string;
  at: string;
  certificateIssuedAt: string | null;
  connectedAt: string | null;
  liveRevision: number | null;
  health: 'healthy' | 'unhealthy' | 'unknown';
  firstRequestAt: string | null;
  error: string;
}

export interface JoinToken {
  id: string;
  namespace: string;
  workloadGroup: string;
  uses: number;
  usesLeft: number;
  createdAt: string;
  createdBy: string;
  expiresAt: string;
  revokedAt: string | null;
  state: 'active' | 'used' | 'expired' | 'revoked';
  redemptions: Redemption[];
  refusals: { at: string; reason: string }[];
}

/** Shown once, when the token is made. */
export interface NewJoinToken {
  id: string;
  token: string;
  expiresAt: string;
  command: string;
}

export interface Mesh {
  name: string;
  trustDomain: string;
  version: string;
  revision: number;
  revisionState: string;
  proxies: { total: number; connected: number; synced: number; rejected: number };
  telemetryAt: string | null;
  lastCall: { source: string; destination: string; at: string } | null;
  certificateAuthority: { subject: string; expiresAt: string };
}

export interface Version {
  service: string;
  label: string;
  weight: number;
  share: number | null;
  rps: number;
  errorRate: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

export interface TopologyNode {
  id: string;
  namespace: string;
  name: string;
  kind: 'service' | 'workload' | 'unknown';
  health: 'ok' | 'warn' | 'bad' | 'idle' | 'unknown';
  reason: string;
  rps: number;
  errorRate: number;
  workloads: { total: number; healthy: number; connected: number };
  versions: Version[];
}

export interface Edge {
  source: string;
  destination: string;
  rps: number;
  requests: number;
  errorRate: number;
  errors: number;
  denied: number;
  classes: { '2xx': number; '3xx': number; '4xx': number; '5xx': number };
  p50: number | null;
  p95: number | null;
  p99: number | null;
  mtls: boolean | null;
  health: 'ok' | 'warn' | 'bad' | 'deny' | 'idle' | 'unknown';
  reason: string;
  lastSeen: string | null;
}

export interface Topology {
  from: string;
  to: string;
  revision: number;
  telemetryAt: string | null;
  reporting: number;
  connected: number;
  nodes: TopologyNode[];
  edges: Edge[];
}

export interface SeriesPoint {
  at: string;
  requests: number | null;
  errors: number | null;
  denied: number | null;
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

export interface Series {
  start: string;
  step: number;
  points: SeriesPoint[];
}

export type Hint = { type: 'revision' | 'proxy' | 'topology' | 'join-token'; id: string };

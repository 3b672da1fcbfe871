/**
 * The shapes of the REST API, from the schema that the server publishes (`npm run api`). Every feature imports them from
 * here, and nowhere else.
 */
import type { components } from './schema';

type Schemas = components['schemas'];

export type Problem = Omit<Schemas['Problem'], 'errors'> & { errors?: Schemas['ProblemError'][] | null };
export type Violation = Schemas['ProblemError'];
export type Session = Schemas['Session'];
export type Condition = Schemas['Condition'];

export interface Page<T> {
  items: T[];
  next: string | null;
  revision: number;
}

/** Kinds without a namespace have none. */
export type Metadata = Omit<Schemas['Metadata'], 'namespace'> & { namespace?: string | null };

export interface Document<Spec = Record<string, unknown>> extends Omit<Schemas['Document'], 'metadata' | 'spec'> {
  metadata: Metadata;
  spec: Spec;
}

/** A document as it is sent: the server fills in the rest of the metadata. */
export interface Draft<Spec = Record<string, unknown>> {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string | null; labels?: Record<string, string>; resourceVersion?: string };
  spec: Spec;
}

/** A document of a kind that the console knows nothing special about; Secrets have their fields beside `metadata`. */
export interface AnyDocument extends Document {
  [field: string]: unknown;
}

/** What a person wrote, read but not judged: that is up to the server. */
export type AuthoredDocument = Record<string, unknown>;

// Specs come back as their author wrote them: what has a default may be missing.
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

export type RouteParent = Schemas['RouteParent'];
export type LimitedRequests = Schemas['LimitedRequests'];
export type PolicyEnforcement = Schemas['PolicyEnforcement'];
export type GatewayListener = Schemas['GatewayListener'];

export type Effective = Schemas['Effective'];
export type EffectiveRoute = Schemas['EffectiveRoute'];
export type EffectiveUpstream = Schemas['EffectiveUpstream'];
export type EffectiveDestination = Schemas['EffectiveDestination'];
export type EffectiveInbound = Schemas['EffectiveInbound'];
export type EffectiveListening = Schemas['EffectiveListening'];
export type EffectiveValue = Schemas['EffectiveValue'];
export type Origin = Schemas['EffectiveOrigin'];

export type Impact = Schemas['Impact'];
export type AccessImpact = Schemas['AccessImpact'];
export type AccessChange = Schemas['AccessChange'];
export type ApplyResult = Schemas['ApplyResult'];
export type RevisionSummary = Schemas['RevisionSummary'];
export type RevisionProxy = Schemas['RevisionProxy'];
export type Revision = Schemas['Revision'];
export type RevisionDiff = Schemas['RevisionDiff'];

export type Proxy = Schemas['Proxy'];
export type ProxyType = Schemas['ProxyType'];
export type XdsType = ProxyType['type'];

export type Workload = Schemas['Workload'];
export type SeenEndpoint = Schemas['SeenEndpoint'];
export type ProxyEndpoints = Schemas['ProxyEndpoints'];

export type JoinToken = Schemas['JoinToken'];
export type Redemption = Schemas['Redemption'];
/** Shown once, when the token is made. */
export type NewJoinToken = Schemas['CreatedJoinToken'];

export type Mesh = Schemas['Mesh'];
export type Topology = Schemas['Topology'];
export type TopologyNode = Schemas['TopologyNode'];
export type Edge = Schemas['TopologyEdge'];
export type Denied = Schemas['Denied'];
export type Denials = Schemas['Denials'];
export type AccessRecord = Schemas['AccessRecord'];
export type AccessRecords = Schemas['AccessRecords'];
export type Version = Schemas['Version'];
export type Series = Schemas['Series'];
export type SeriesPoint = Schemas['SeriesPoint'];

export type AccessMatrix = Schemas['AccessMatrix'];
export type AccessCaller = Schemas['AccessCaller'];
export type AccessService = Schemas['AccessService'];
export type AccessCell = Schemas['AccessCell'];
export type AccessReason = Schemas['AccessReason'];
export type AccessSuggestion = Schemas['AccessSuggestion'];
export type AccessSuggestions = Schemas['AccessSuggestions'];
export type SuggestedCaller = Schemas['SuggestedCaller'];
export type Call = Schemas['Call'];
export type Explanation = Schemas['Explanation'];
export type Verdict = Schemas['Verdict'];
export type PolicyTrace = Schemas['PolicyTrace'];
export type RuleTrace = Schemas['RuleTrace'];

/** What the WebSocket says: only that something changed. */
export type Hint = { type: 'revision' | 'proxy' | 'topology' | 'join-token'; id: string };

"""VirtualService (Istio reference, "Virtual Service"), with the deprecated spellings that documents in use still have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from meshweb.kinds.base import DnsLabel, Labels, PortNumber, SpecModel
from meshweb.kinds.common.http import HeaderName, Method, Regex
from meshweb.kinds.common.istio import (
    Destination,
    ExportTo,
    GatewayName,
    Headers,
    Host,
    HostOrAddress,
    IstioDuration,
    MaybeStringMatch,
    NetworkList,
    Percent,
    PositiveDuration,
    StringMatch,
)

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
MAX_BODY = 102_400
"""Characters of a directResponse: every proxy of the route holds it in memory."""

Name = Annotated[str, Field(max_length=253, pattern=r"^[\x20-\x7e]*$")]
Authority = Annotated[str, Field(max_length=259, pattern=rf"^{_LABEL}(\.{_LABEL})*(:[0-9]{{1,5}})?$")]
Percentage = Annotated[int, Field(ge=0, le=100)]
Weight = Annotated[int, Field(ge=0, le=1_000_000)]
ValueMatches = Annotated[dict[HeaderName, MaybeStringMatch], Field(max_length=64)]
Gateways = Annotated[tuple[GatewayName, ...], Field(max_length=256)]
Origin = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[\x21-\x7e]+$")]
MethodOrAny = Annotated[Method | Literal["*"], Field(union_mode="left_to_right")]
HeaderNames = Annotated[tuple[HeaderName, ...], Field(max_length=256)]
GrpcStatus = Literal[
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
]


class HttpMatch(SpecModel):
    """All fields of one match must hold; `{}` holds for every request."""

    name: Name | None = None
    uri: StringMatch | None = None
    scheme: StringMatch | None = None
    method: StringMatch | None = None
    authority: StringMatch | None = None
    headers: ValueMatches = Field(default_factory=dict)
    without_headers: ValueMatches = Field(default_factory=dict)
    query_params: ValueMatches = Field(default_factory=dict)
    ignore_uri_case: bool = False
    port: PortNumber | None = None
    source_labels: Labels = Field(default_factory=dict)
    source_namespace: DnsLabel | None = None
    gateways: Gateways = ()
    stat_prefix: Name | None = None


class HttpDestination(SpecModel):
    """Share of the traffic: weight over the sum of weights; a single destination takes all."""

    destination: Destination
    weight: Weight = 0
    headers: Headers | None = None


class Redirect(SpecModel):
    uri: Annotated[str, Field(max_length=2048, pattern=r"^/[\x21-\x7e]*$")] | None = None
    prefix_rewrite: Annotated[str, Field(max_length=2048, pattern=r"^/[\x21-\x7e]*$")] | None = None
    authority: Authority | None = None
    port: PortNumber | None = None
    derive_port: Literal["FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"] | None = None
    scheme: Literal["http", "https"] | None = None
    redirect_code: Literal[301, 302, 303, 307, 308] = 301


class Body(SpecModel):
    """`bytes` in base64."""

    string: Annotated[str, Field(max_length=MAX_BODY)] | None = None
    bytes: Annotated[str, Field(max_length=MAX_BODY)] | None = None


class DirectResponse(SpecModel):
    status: Annotated[int, Field(ge=200, le=599)]
    body: Body | None = None


class Delegate(SpecModel):
    """The VirtualService, itself without hosts, whose routes stand here. No namespace: this one."""

    name: DnsLabel
    namespace: DnsLabel | None = None


class RegexRewrite(SpecModel):
    match: Regex
    rewrite: Annotated[str, Field(max_length=1024, pattern=r"^[\x21-\x7e]*$")]


class Rewrite(SpecModel):
    """`uri` replaces what a prefix match matched, else the whole path."""

    uri: Annotated[str, Field(max_length=1024)] | None = None
    authority: Authority | None = None
    uri_regex_rewrite: RegexRewrite | None = None


class Retries(SpecModel):
    """`attempts` counts retries; 0 turns them off. Without perTryTimeout a try has the time of the whole request."""

    attempts: Annotated[int, Field(ge=0, le=1000)]
    per_try_timeout: PositiveDuration | None = None
    retry_on: Annotated[str, Field(max_length=1024)] | None = None
    retry_remote_localities: bool | None = None
    retry_ignore_previous_hosts: bool | None = None
    backoff: PositiveDuration | None = None


class Delay(SpecModel):
    """`percent` is the deprecated spelling of `percentage`. Neither: no request is delayed."""

    fixed_delay: PositiveDuration
    percentage: Percent | None = None
    percent: Percentage | None = None


class Abort(SpecModel):
    """`percent` is the deprecated spelling of `percentage`. Neither: no request is aborted."""

    http_status: Annotated[int, Field(ge=200, le=599)] | None = None
    grpc_status: GrpcStatus | None = None
    percentage: Percent | None = None
    percent: Percentage | None = None


class Fault(SpecModel):
    delay: Delay | None = None
    abort: Abort | None = None


class Mirror(SpecModel):
    """No percentage: every request is copied."""

    destination: Destination
    percentage: Percent | None = None


class CorsPolicy(SpecModel):
    """`allowOrigin` (exact values) is the deprecated spelling of `allowOrigins`."""

    allow_origins: Annotated[tuple[StringMatch, ...], Field(max_length=256)] = ()
    allow_origin: Annotated[tuple[Origin, ...], Field(max_length=256)] = ()
    allow_methods: Annotated[tuple[MethodOrAny, ...], Field(max_length=16)] = ()
    allow_headers: HeaderNames = ()
    expose_headers: HeaderNames = ()
    max_age: IstioDuration | None = None
    allow_credentials: bool | None = None
    unmatched_preflights: Literal["UNSPECIFIED", "FORWARD", "IGNORE"] = "UNSPECIFIED"


class HttpRoute(SpecModel):
    """`mirrorPercent` is the deprecated spelling of `mirrorPercentage`."""

    name: Name | None = None
    match: Annotated[tuple[HttpMatch, ...], Field(max_length=256)] = ()
    route: Annotated[tuple[HttpDestination, ...], Field(max_length=128)] = ()
    redirect: Redirect | None = None
    direct_response: DirectResponse | None = None
    delegate: Delegate | None = None
    rewrite: Rewrite | None = None
    timeout: IstioDuration | None = None
    retries: Retries | None = None
    fault: Fault | None = None
    mirror: Destination | None = None
    mirrors: Annotated[tuple[Mirror, ...], Field(max_length=16)] = ()
    mirror_percent: Percentage | None = None
    mirror_percentage: Percent | None = None
    cors_policy: CorsPolicy | None = None
    headers: Headers | None = None


class L4Match(SpecModel):
    destination_subnets: NetworkList = ()
    port: PortNumber | None = None
    source_labels: Labels = Field(default_factory=dict)
    source_namespace: DnsLabel | None = None
    gateways: Gateways = ()


class TlsMatch(L4Match):
    sni_hosts: Annotated[tuple[Host, ...], Field(min_length=1, max_length=256)]


class RouteDestination(SpecModel):
    destination: Destination
    weight: Weight = 0


RouteDestinations = Annotated[tuple[RouteDestination, ...], Field(min_length=1, max_length=128)]


class TlsRoute(SpecModel):
    match: Annotated[tuple[TlsMatch, ...], Field(min_length=1, max_length=256)]
    route: RouteDestinations


class TcpRoute(SpecModel):
    match: Annotated[tuple[L4Match, ...], Field(max_length=256)] = ()
    route: RouteDestinations


class VirtualServiceSpec(SpecModel):
    """No hosts: a delegate, whose routes another VirtualService takes in. No gateways: `mesh`. No exportTo: all namespaces."""

    hosts: Annotated[tuple[HostOrAddress, ...], Field(max_length=256)] = ()
    gateways: Gateways = ()
    http: Annotated[tuple[HttpRoute, ...], Field(max_length=512)] = ()
    tls: Annotated[tuple[TlsRoute, ...], Field(max_length=512)] = ()
    tcp: Annotated[tuple[TcpRoute, ...], Field(max_length=512)] = ()
    export_to: ExportTo = ()

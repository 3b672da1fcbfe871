"""Models that HTTPRoute, GRPCRoute, TLSRoute, TCPRoute and Gateway share (Gateway API v1 reference)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from meshweb.kinds.base import DnsLabel, PortNumber, SpecModel
from meshweb.kinds.common.http import HeaderName, HeaderValue, MatchValue, Method, Path, is_ip_address
from meshweb.kinds.durations import Duration

GATEWAY_GROUP = "gateway.networking.k8s.io"

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"


def _not_an_address(name: str) -> str:
    if is_ip_address(name):
        raise PydanticCustomError("hostname", "must be a DNS name, not an IP address")
    return name


Hostname = Annotated[str, Field(max_length=253, pattern=rf"^(\*\.)?{_LABEL}(\.{_LABEL})*$"), AfterValidator(_not_an_address)]
"""May begin with a wildcard label: `*.example.com` covers every name below, at any depth."""
PreciseHostname = Annotated[str, Field(max_length=253, pattern=rf"^{_LABEL}(\.{_LABEL})*$")]
SectionName = Annotated[str, Field(max_length=253, pattern=rf"^{_LABEL}(\.{_LABEL})*$")]
Hostnames = Annotated[tuple[Hostname, ...], Field(max_length=16)]


class ParentRef(SpecModel):
    """A Gateway, or a Service (group "") for mesh traffic. `sectionName`: a listener of the one, a port's name of the other."""

    group: Literal["gateway.networking.k8s.io", ""] = "gateway.networking.k8s.io"
    kind: Literal["Gateway", "Service"] = "Gateway"
    namespace: DnsLabel | None = None
    name: DnsLabel
    section_name: SectionName | None = None
    port: PortNumber | None = None


ParentRefs = Annotated[tuple[ParentRef, ...], Field(min_length=1, max_length=32)]


class BackendObject(SpecModel):
    group: Literal[""] = ""
    kind: Literal["Service"] = "Service"
    name: DnsLabel
    namespace: DnsLabel | None = None
    port: PortNumber


class WeightedBackend(BackendObject):
    """BackendRef of the routes without filters. All weights 0: nothing is forwarded."""

    weight: Annotated[int, Field(ge=0, le=1_000_000)] = 1


class HeaderMatch(SpecModel):
    type: Literal["Exact", "RegularExpression"] = "Exact"
    name: HeaderName
    value: MatchValue


HeaderMatches = Annotated[tuple[HeaderMatch, ...], Field(max_length=16)]


class Header(SpecModel):
    name: HeaderName
    value: HeaderValue


class HeaderModifier(SpecModel):
    set: Annotated[tuple[Header, ...], Field(max_length=16)] = ()
    add: Annotated[tuple[Header, ...], Field(max_length=16)] = ()
    remove: Annotated[tuple[HeaderName, ...], Field(max_length=16)] = ()


class PathModifier(SpecModel):
    type: Literal["ReplaceFullPath", "ReplacePrefixMatch"]
    replace_full_path: Path | None = None
    replace_prefix_match: Path | None = None


class RequestRedirect(SpecModel):
    scheme: Literal["http", "https"] | None = None
    hostname: PreciseHostname | None = None
    path: PathModifier | None = None
    port: PortNumber | None = None
    status_code: Literal[301, 302, 303, 307, 308] = 302


class UrlRewrite(SpecModel):
    hostname: PreciseHostname | None = None
    path: PathModifier | None = None


class Fraction(SpecModel):
    numerator: Annotated[int, Field(ge=0, le=2**31 - 1)]
    denominator: Annotated[int, Field(ge=1, le=2**31 - 1)] = 100


class RequestMirror(SpecModel):
    """Without `percent` and `fraction` every request is copied."""

    backend_ref: BackendObject
    percent: Annotated[int, Field(ge=0, le=100)] | None = None
    fraction: Fraction | None = None


CorsOrigin = Annotated[
    str,
    Field(max_length=253, pattern=rf"^(\*|[A-Za-z][A-Za-z0-9+.-]*://(\*|(\*\.)?{_LABEL}(\.{_LABEL})*)(:[0-9]{{1,5}})?)$"),
]


class Cors(SpecModel):
    """GEP-1767. `maxAge` in seconds."""

    allow_origins: Annotated[tuple[CorsOrigin, ...], Field(max_length=64)] = ()
    allow_credentials: bool = False
    allow_methods: Annotated[tuple[Method | Literal["*"], ...], Field(max_length=9)] = ()
    allow_headers: Annotated[tuple[HeaderName, ...], Field(max_length=64)] = ()
    expose_headers: Annotated[tuple[HeaderName, ...], Field(max_length=64)] = ()
    max_age: Annotated[int, Field(ge=1, le=2**31 - 1)] = 5


class HeaderFilters(SpecModel):
    """The settings of the two filters that rules and single backends both may have."""

    request_header_modifier: HeaderModifier | None = None
    response_header_modifier: HeaderModifier | None = None


class BackendFilter(HeaderFilters):
    """What may differ between the backends of a rule: headers. Redirects, rewrites, mirrors and CORS belong to the rule."""

    type: Literal["RequestHeaderModifier", "ResponseHeaderModifier"]


class GrpcRuleFilter(HeaderFilters):
    type: Literal["RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror"]
    request_mirror: RequestMirror | None = None


class RuleFilter(HeaderFilters):
    type: Literal["RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "RequestMirror", "CORS"]
    request_redirect: RequestRedirect | None = None
    url_rewrite: UrlRewrite | None = Field(default=None, alias="urlRewrite")
    request_mirror: RequestMirror | None = None
    cors: Cors | None = None


class BackendRef(WeightedBackend):
    filters: Annotated[tuple[BackendFilter, ...], Field(max_length=16)] = ()


class Timeouts(SpecModel):
    request: Duration | None = None
    backend_request: Duration | None = None


class Retry(SpecModel):
    """GEP-1731. `codes` are retried besides what the mesh retries anyway; `attempts` counts retries, not requests."""

    codes: Annotated[tuple[Annotated[int, Field(ge=400, le=599)], ...], Field(max_length=200)] = ()
    attempts: Annotated[int, Field(ge=0, le=1000)] | None = None
    backoff: Duration | None = None


class CookieConfig(SpecModel):
    lifetime_type: Literal["Permanent", "Session"] = "Session"


class SessionPersistence(SpecModel):
    """GEP-1619."""

    session_name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")] | None = None
    absolute_timeout: Duration | None = None
    idle_timeout: Duration | None = None
    type: Literal["Cookie", "Header"] = "Cookie"
    cookie_config: CookieConfig | None = None

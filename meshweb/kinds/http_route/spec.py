"""HTTPRoute (Gateway API v1 reference, "HTTPRoute"), the fields that mesh routes of this release honour."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from meshweb.kinds.base import DnsLabel, PortNumber, SpecModel
from meshweb.kinds.durations import Duration

HeaderName = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
HeaderValue = Annotated[str, Field(max_length=4096, pattern=r"^[\t\x20-\x7e]*$")]
MatchValue = Annotated[str, Field(min_length=1, max_length=4096)]
Path = Annotated[str, Field(max_length=1024)]
Hostname = Annotated[str, Field(max_length=253, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")]
Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]


class ParentRef(SpecModel):
    group: Literal[""]
    kind: Literal["Service"]
    name: DnsLabel
    namespace: DnsLabel | None = None
    port: PortNumber | None = None


class PathMatch(SpecModel):
    type: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"
    value: Path = "/"


class HeaderMatch(SpecModel):
    type: Literal["Exact", "RegularExpression"] = "Exact"
    name: HeaderName
    value: MatchValue


class QueryParamMatch(SpecModel):
    type: Literal["Exact", "RegularExpression"] = "Exact"
    name: HeaderName
    value: Annotated[str, Field(min_length=1, max_length=1024)]


class Match(SpecModel):
    path: PathMatch = Field(default_factory=PathMatch)
    headers: Annotated[tuple[HeaderMatch, ...], Field(max_length=16)] = ()
    query_params: Annotated[tuple[QueryParamMatch, ...], Field(max_length=16)] = ()
    method: Method | None = None


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
    hostname: Hostname | None = None
    path: PathModifier | None = None
    port: PortNumber | None = None
    status_code: Literal[301, 302, 303, 307, 308] = 302


class UrlRewrite(SpecModel):
    hostname: Hostname | None = None
    path: PathModifier | None = None


class BackendObject(SpecModel):
    group: Literal[""] = ""
    kind: Literal["Service"] = "Service"
    name: DnsLabel
    namespace: DnsLabel | None = None
    port: PortNumber


class RequestMirror(SpecModel):
    backend_ref: BackendObject


class BackendFilter(SpecModel):
    type: Literal["RequestHeaderModifier", "ResponseHeaderModifier"]
    request_header_modifier: HeaderModifier | None = None
    response_header_modifier: HeaderModifier | None = None


class RuleFilter(SpecModel):
    type: Literal["RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "RequestMirror"]
    request_header_modifier: HeaderModifier | None = None
    response_header_modifier: HeaderModifier | None = None
    request_redirect: RequestRedirect | None = None
    url_rewrite: UrlRewrite | None = Field(default=None, alias="urlRewrite")
    request_mirror: RequestMirror | None = None


class BackendRef(BackendObject):
    weight: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    filters: Annotated[tuple[BackendFilter, ...], Field(max_length=16)] = ()


class Timeouts(SpecModel):
    request: Duration | None = None
    backend_request: Duration | None = None


class Rule(SpecModel):
    name: DnsLabel | None = None
    matches: Annotated[tuple[Match, ...], Field(max_length=64)] = ()
    filters: Annotated[tuple[RuleFilter, ...], Field(max_length=16)] = ()
    backend_refs: Annotated[tuple[BackendRef, ...], Field(max_length=16)] = ()
    timeouts: Timeouts | None = None


class HTTPRouteSpec(SpecModel):
    parent_refs: Annotated[tuple[ParentRef, ...], Field(min_length=1, max_length=32)]
    rules: Annotated[tuple[Rule, ...], Field(min_length=1, max_length=16)]

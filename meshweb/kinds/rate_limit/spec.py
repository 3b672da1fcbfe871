"""RateLimit (`meshweb.io/v1`): no document of the field has a place for it. Words are those of Gateway API's policies (GEP-713) and of
Envoy's rate limiting.

A Local limit is each proxy's own: two workloads behind a service admit twice as many requests as one. A Global one is counted by all
proxies together (Envoy's words for its two filters).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field

from meshweb.core.errors import Violation, pointer, under
from meshweb.kinds.base import DnsLabel, Metadata, SpecModel
from meshweb.kinds.common.gateway_api import HeaderMatches, SectionName
from meshweb.kinds.common.gateway_checks import header_matches
from meshweb.kinds.common.http import HeaderName, HeaderValue, Method, Path, is_reserved_header, path_problem, regex_violations
from meshweb.kinds.durations import Duration, milliseconds

MAX_DAY_MS = 24 * 3_600_000
_LEAST_MS = 50


class TargetRef(SpecModel):
    """A Service (group "") or a Gateway of this namespace. sectionName: the name of a port, or of a listener."""

    group: Literal["", "gateway.networking.k8s.io"] = ""
    kind: Literal["Service", "Gateway"] = "Service"
    name: DnsLabel
    section_name: SectionName | None = None


class PathMatch(SpecModel):
    type: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"
    value: Path


class LimitMatchSpec(SpecModel):
    path: PathMatch | None = None
    method: Method | None = None
    headers: HeaderMatches = ()


class CountBy(SpecModel):
    """One of the two. callerIdentity: the SPIFFE ID of the caller's certificate."""

    caller_identity: bool | None = None
    header: HeaderName | None = None


class LimitSpec(SpecModel):
    """`burst`: how many may come at once; as many as `requests` when left out. No `by`: one counter for all. Global: in any `per`, of
    whole seconds, no more than `requests` come to all proxies together; a burst has no meaning there."""

    name: DnsLabel
    type: Literal["Local", "Global"] = "Local"
    requests: Annotated[int, Field(ge=1, le=1_000_000)]
    per: Duration
    burst: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    matches: Annotated[tuple[LimitMatchSpec, ...], Field(max_length=16)] = ()
    by: Annotated[tuple[CountBy, ...], Field(max_length=4)] = ()


class ResponseHeader(SpecModel):
    name: HeaderName
    value: HeaderValue


class OnLimit(SpecModel):
    status: Annotated[int, Field(ge=400, le=599)] = 429
    headers: Annotated[tuple[ResponseHeader, ...], Field(max_length=16)] = ()


class RateLimitSpec(SpecModel):
    """`responseHeaders`: answers say what is left (`x-ratelimit-limit`, `-remaining`, `-reset`). `shadow`: nothing is refused.
    `failureMode`: what becomes of requests that a Global limit should count while nobody counts; there is no default, because either
    choice can hurt."""

    target_refs: Annotated[tuple[TargetRef, ...], Field(min_length=1, max_length=16)]
    limits: Annotated[tuple[LimitSpec, ...], Field(min_length=1, max_length=16)]
    on_limit: OnLimit = Field(default_factory=OnLimit)
    failure_mode: Literal["Open", "Closed"] | None = None
    response_headers: bool = True
    shadow: bool = False


def check(_metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, RateLimitSpec)
    for index, ref in enumerate(spec.target_refs):
        if (ref.kind == "Gateway") != (ref.group != ""):
            words = "must be gateway.networking.k8s.io for a Gateway and empty for a Service"
            yield Violation(pointer("spec", "targetRefs", index, "group"), "conflict", words)
        if ref in spec.target_refs[:index]:
            yield Violation(pointer("spec", "targetRefs", index), "duplicate", f"{ref.kind} {ref.name} is named twice")
    for index, limit in enumerate(spec.limits):
        if limit.name in {other.name for other in spec.limits[:index]}:
            yield Violation(pointer("spec", "limits", index, "name"), "duplicate", f"limit {limit.name} is given twice")
        yield from under(("spec", "limits", index), _limit(limit))
    yield from _failure_mode(spec)
    for index, header in enumerate(spec.on_limit.headers):
        if is_reserved_header(header.name):
            at = pointer("spec", "onLimit", "headers", index, "name")
            yield Violation(at, "reserved", f"{header.name} belongs to the proxy")


def _failure_mode(spec: RateLimitSpec) -> Iterator[Violation]:
    shared = any(limit.type == "Global" for limit in spec.limits)
    if shared and spec.failure_mode is None:
        words = (
            "must say what becomes of requests while nobody counts for Global limits: "
            "Open lets them pass, Closed refuses them with 503"
        )
        yield Violation("/spec/failureMode", "required", words)
    elif not shared and spec.failure_mode is not None:
        yield Violation(
            "/spec/failureMode", "conflict", "has no meaning without a Global limit: a proxy's own counters are always there"
        )


def _limit(limit: LimitSpec) -> Iterator[Violation]:
    if limit.type == "Global":
        if limit.burst is not None:
            yield Violation("/burst", "conflict", "has no meaning for a Global limit: as many as requests may come at once")
        if milliseconds(limit.per) % 1000:
            yield Violation("/per", "range", "must be whole seconds for a Global limit")
    if not _LEAST_MS <= milliseconds(limit.per) <= MAX_DAY_MS:
        yield Violation("/per", "range", "must be from 50ms to 24h")
    if limit.burst is not None and limit.burst < limit.requests:
        yield Violation("/burst", "range", "must not be less than requests: more than the burst could never come")
    for index, match in enumerate(limit.matches):
        yield from under(("matches", index), _match(match))
    for index, by in enumerate(limit.by):
        if (by.caller_identity is None) == (by.header is None):
            yield Violation(pointer("by", index), "one_of", "set exactly one of callerIdentity and header")
        if by.caller_identity is False:
            yield Violation(pointer("by", index, "callerIdentity"), "enum", "must be true: false counts by nothing")
        if by in limit.by[:index]:
            yield Violation(pointer("by", index), "duplicate", "is counted by already")


def _match(match: LimitMatchSpec) -> Iterator[Violation]:
    if match == LimitMatchSpec():
        yield Violation("", "required", "must set path, method or headers; leave matches out to count every request")
    yield from under(("headers",), header_matches(match.headers))
    if match.path is None:
        return
    if match.path.type == "RegularExpression":
        yield from regex_violations(match.path.value, "/path/value")
    elif problem := path_problem(match.path.value):
        yield Violation("/path/value", "path", problem)

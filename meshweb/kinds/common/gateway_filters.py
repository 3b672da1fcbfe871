"""What the filters and settings of a route of Gateway API mean (HTTPRoute and GRPCRoute)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from meshweb.core.builder import MeshBuilder
from meshweb.core.intent import Document
from meshweb.core.ir.routing import (
    DEFAULT_RETRY,
    NO_CHANGE,
    Backend,
    Cors,
    HeaderChange,
    MatchKind,
    Mirror,
    NamedMatch,
    Redirect,
    Retry,
    Rewrite,
    SessionPersistence,
    StringMatch,
)
from meshweb.kinds.common import gateway_api as api
from meshweb.kinds.common.gateway_parents import Refusal, destination_of
from meshweb.kinds.durations import milliseconds

_MILLION = 1_000_000
MATCH_KINDS = {"Exact": MatchKind.EXACT, "PathPrefix": MatchKind.SEGMENTS, "RegularExpression": MatchKind.REGEX}
_SESSION_NAME = "meshweb-session"


@dataclass(frozen=True, slots=True)
class Filters:
    """What the filters of one rule say, each at most once but for mirrors."""

    request_headers: HeaderChange = NO_CHANGE
    response_headers: HeaderChange = NO_CHANGE
    redirect: Redirect | None = None
    rewrite: Rewrite | None = None
    cors: Cors | None = None
    mirrors: tuple[Mirror, ...] = ()


def filters_of(
    mesh: MeshBuilder, document: Document, items: Iterable[api.RuleFilter | api.GrpcRuleFilter], problems: list[Refusal]
) -> Filters:
    found: dict[str, api.RuleFilter | api.GrpcRuleFilter] = {item.type: item for item in items}
    mirrors = tuple(mirror for item in items if (mirror := _mirror(mesh, document, item, problems)) is not None)
    redirect, rewrite, cors = found.get("RequestRedirect"), found.get("URLRewrite"), found.get("CORS")
    request, response = found.get("RequestHeaderModifier"), found.get("ResponseHeaderModifier")
    return Filters(
        request_headers=header_change(request.request_header_modifier if request else None),
        response_headers=header_change(response.response_header_modifier if response else None),
        redirect=_redirect(redirect.request_redirect) if isinstance(redirect, api.RuleFilter) else None,
        rewrite=_rewrite(rewrite.url_rewrite) if isinstance(rewrite, api.RuleFilter) else None,
        cors=_cors(cors.cors) if isinstance(cors, api.RuleFilter) and cors.cors is not None else None,
        mirrors=mirrors,
    )


def backend_of(mesh: MeshBuilder, document: Document, ref: api.BackendRef, problems: list[Refusal]) -> Backend:
    filters = {item.type: item for item in ref.filters}
    request, response = filters.get("RequestHeaderModifier"), filters.get("ResponseHeaderModifier")
    return Backend(
        to=destination_of(mesh, document, ref, problems),
        weight=ref.weight,
        request_headers=header_change(request.request_header_modifier if request else None),
        response_headers=header_change(response.response_header_modifier if response else None),
    )


def header_match(item: api.HeaderMatch) -> NamedMatch:
    return NamedMatch(item.name.lower(), StringMatch(MATCH_KINDS[item.type], item.value))


def header_change(modifier: api.HeaderModifier | None) -> HeaderChange:
    if modifier is None:
        return NO_CHANGE
    return HeaderChange(
        set=tuple((header.name, header.value) for header in modifier.set),
        add=tuple((header.name, header.value) for header in modifier.add),
        remove=modifier.remove,
    )


def retry_of(retry: api.Retry | None, timeouts: api.Timeouts | None) -> Retry:
    """Who asks for retries has them for broken connections and late answers too (Gateway API, "HTTPRouteRetry"), besides the codes and
    what the mesh retries anyway."""
    per_try = milliseconds(timeouts.backend_request) if timeouts and timeouts.backend_request else 0
    if retry is None:
        return Retry(try_timeout=per_try)
    return Retry(
        attempts=DEFAULT_RETRY.attempts if retry.attempts is None else retry.attempts,
        on=(*DEFAULT_RETRY.on, "reset"),
        codes=tuple(sorted(set(retry.codes))),
        try_timeout=per_try,
        backoff=max(1, milliseconds(retry.backoff)) if retry.backoff else DEFAULT_RETRY.backoff,
    )


def session_of(session: api.SessionPersistence | None) -> SessionPersistence | None:
    if session is None:
        return None
    permanent = session.cookie_config is not None and session.cookie_config.lifetime_type == "Permanent"
    lifetime = milliseconds(session.absolute_timeout) // 1000 if permanent and session.absolute_timeout else 0
    return SessionPersistence(session.session_name or _SESSION_NAME, header=session.type == "Header", lifetime=lifetime)


class _Rule(Protocol):
    """The parts that HTTPRoute's rules have."""

    @property
    def timeouts(self) -> api.Timeouts | None: ...
    @property
    def retry(self) -> api.Retry | None: ...
    @property
    def session_persistence(self) -> api.SessionPersistence | None: ...
    @property
    def filters(self) -> tuple[api.RuleFilter, ...]: ...


def said_by(rule: _Rule, at: str) -> tuple[tuple[str, str], ...]:
    """Settings that a rule names, with their pointers."""
    timeouts = rule.timeouts
    mirror = next((index for index, item in enumerate(rule.filters) if item.request_mirror is not None), None)
    found = {
        "timeout": f"{at}/timeouts/request" if timeouts is not None and timeouts.request is not None else None,
        "tryTimeout": f"{at}/timeouts/backendRequest"
        if timeouts is not None and timeouts.backend_request is not None
        else None,
        "retries": f"{at}/retry" if rule.retry is not None else None,
        "mirror": f"{at}/filters/{mirror}" if mirror is not None else None,
        "sessionPersistence": f"{at}/sessionPersistence" if rule.session_persistence is not None else None,
    }
    return tuple((name, place) for name, place in found.items() if place is not None)


def _mirror(
    mesh: MeshBuilder, document: Document, item: api.RuleFilter | api.GrpcRuleFilter, problems: list[Refusal]
) -> Mirror | None:
    mirror = item.request_mirror
    to = destination_of(mesh, document, mirror.backend_ref, problems) if mirror is not None else None
    if mirror is None or to is None:
        return None
    if mirror.percent is not None:
        return Mirror(to, mirror.percent * _MILLION // 100)
    if mirror.fraction is not None:
        return Mirror(to, mirror.fraction.numerator * _MILLION // mirror.fraction.denominator)
    return Mirror(to)


def _redirect(spec: api.RequestRedirect | None) -> Redirect | None:
    if spec is None:
        return None
    full, prefix = _paths(spec.path)
    port = spec.port
    if port is None and spec.scheme is not None:
        port = 443 if spec.scheme == "https" else 80
    return Redirect(spec.scheme or "", spec.hostname or "", port, full, prefix, spec.status_code, from_listener=True)


def _rewrite(spec: api.UrlRewrite | None) -> Rewrite | None:
    if spec is None:
        return None
    full, prefix = _paths(spec.path)
    return Rewrite(spec.hostname or "", full, prefix)


def _paths(path: api.PathModifier | None) -> tuple[str | None, str | None]:
    return (None, None) if path is None else (path.replace_full_path, path.replace_prefix_match)


def _cors(spec: api.Cors) -> Cors:
    """Preflights of origins that are not allowed are answered by the proxy without CORS headers, not by the application."""
    return Cors(
        origins=tuple(_origin(text) for text in spec.allow_origins),
        methods=spec.allow_methods,
        headers=spec.allow_headers,
        expose=spec.expose_headers,
        max_age=spec.max_age,
        credentials=spec.allow_credentials or None,
        forward_unmatched=False,
    )


def _origin(text: str) -> StringMatch:
    """`*` stands for any host, or for the first labels of one."""
    if "*" not in text:
        return StringMatch(MatchKind.EXACT, text)
    if text == "*":
        return StringMatch(MatchKind.REGEX, ".*")
    return StringMatch(MatchKind.REGEX, re.escape(text).replace(r"\*", "[^/]+"))

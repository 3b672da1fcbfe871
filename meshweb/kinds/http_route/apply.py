"""An HTTPRoute lays its rules on the service ports and Gateway listeners that it names as parents."""

from __future__ import annotations

from collections.abc import Iterable

from meshweb.core.builder import MeshBuilder
from meshweb.core.errors import pointer
from meshweb.core.gateway_table import HostRules
from meshweb.core.intent import Document
from meshweb.core.ir.routing import Backend, MatchKind, NamedMatch, Origin, RouteMatch, RouteRule, StringMatch, named
from meshweb.core.matching import by_specificity
from meshweb.core.route_table import Binding
from meshweb.kinds.base import Reference
from meshweb.kinds.common.gateway_filters import (
    MATCH_KINDS,
    backend_of,
    filters_of,
    header_match,
    retry_of,
    said_by,
    session_of,
)
from meshweb.kinds.common.gateway_parents import Refusal, backend_reference, parent_references, parents_of
from meshweb.kinds.durations import milliseconds
from meshweb.kinds.http_route.spec import HTTPRouteSpec, Match, Rule

_NO_MATCHES = (Match(),)


def references(document: Document) -> Iterable[Reference]:
    spec = _spec(document)
    yield from parent_references(document, spec.parent_refs)
    for r, rule in enumerate(spec.rules):
        for b, backend in enumerate(rule.backend_refs):
            yield backend_reference(document, backend, pointer("spec", "rules", r, "backendRefs", b))
        for f, item in enumerate(rule.filters):
            if item.request_mirror is not None:
                at = pointer("spec", "rules", r, "filters", f, "requestMirror", "backendRef")
                yield backend_reference(document, item.request_mirror.backend_ref, at)


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = _spec(document)
    problems: list[Refusal] = []
    rules = by_specificity(
        converted for index, rule in enumerate(spec.rules) for converted in _rules(mesh, document, index, rule, problems)
    )
    parents = parents_of(mesh, document, spec.parent_refs, spec.hostnames)
    for port, visibility in parents.ports:
        mesh.routing.bind(port, Binding(document, rules, visibility))
    for server, names in parents.servers:
        for host in names:
            mesh.gateways.bind(server, HostRules(document, host, rules))
    parents.report(mesh, document, problems)


def _spec(document: Document) -> HTTPRouteSpec:
    assert isinstance(document.spec, HTTPRouteSpec)
    return document.spec


def _rules(mesh: MeshBuilder, document: Document, index: int, rule: Rule, problems: list[Refusal]) -> list[RouteRule]:
    backends = tuple(backend_of(mesh, document, ref, problems) for ref in rule.backend_refs)
    filters = filters_of(mesh, document, rule.filters, problems)
    # A rule without backends and without redirect answers 500 (Gateway API, HTTPRouteRule.backendRefs).
    if not backends and filters.redirect is None:
        backends = (Backend(None, 1),)
    timeouts = rule.timeouts
    return [
        RouteRule(
            match=_match(match),
            backends=backends,
            request_headers=filters.request_headers,
            response_headers=filters.response_headers,
            redirect=filters.redirect,
            rewrite=filters.rewrite,
            mirrors=filters.mirrors,
            request_timeout=milliseconds(timeouts.request) if timeouts and timeouts.request else 0,
            retry=retry_of(rule.retry, timeouts),
            cors=filters.cors,
            session=session_of(rule.session_persistence),
            name=rule.name or "",
            origin=Origin(document.key, pointer("spec", "rules", index), said_by(rule, pointer("spec", "rules", index))),
        )
        for match in rule.matches or _NO_MATCHES
    ]


def _match(match: Match) -> RouteMatch:
    return RouteMatch(
        path=StringMatch(MATCH_KINDS[match.path.type], match.path.value),
        method=StringMatch(MatchKind.EXACT, match.method) if match.method else None,
        headers=named(header_match(item) for item in match.headers),
        query=named(NamedMatch(item.name, StringMatch(MATCH_KINDS[item.type], item.value)) for item in match.query_params),
    )

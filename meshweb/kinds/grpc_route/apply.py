"""A GRPCRoute lays its rules on the service ports and Gateway listeners that it names as parents."""

from __future__ import annotations

import re
from collections.abc import Iterable

from meshweb.core.builder import MeshBuilder
from meshweb.core.errors import pointer
from meshweb.core.gateway_table import HostRules
from meshweb.core.intent import Document
from meshweb.core.ir.routing import ANY_PATH, Backend, MatchKind, Origin, RouteMatch, RouteRule, StringMatch, named
from meshweb.core.matching import by_specificity
from meshweb.core.route_table import Binding
from meshweb.kinds.base import Reference
from meshweb.kinds.common.gateway_filters import backend_of, filters_of, header_match, session_of
from meshweb.kinds.common.gateway_parents import Refusal, backend_reference, parent_references, parents_of
from meshweb.kinds.grpc_route.spec import GrpcMatch, GRPCRouteSpec, GrpcRule, MethodMatch

_NO_MATCHES = (GrpcMatch(),)


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


def _spec(document: Document) -> GRPCRouteSpec:
    assert isinstance(document.spec, GRPCRouteSpec)
    return document.spec


def _rules(mesh: MeshBuilder, document: Document, index: int, rule: GrpcRule, problems: list[Refusal]) -> list[RouteRule]:
    backends = tuple(backend_of(mesh, document, ref, problems) for ref in rule.backend_refs) or (Backend(None, 1),)
    filters = filters_of(mesh, document, rule.filters, problems)
    return [
        RouteRule(
            match=_match(match),
            backends=backends,
            request_headers=filters.request_headers,
            response_headers=filters.response_headers,
            mirrors=filters.mirrors,
            session=session_of(rule.session_persistence),
            name=rule.name or "",
            # Envoy says 503 to gRPC callers as UNAVAILABLE, which is what the specification asks for.
            missing_status=503,
            origin=Origin(document.key, pointer("spec", "rules", index)),
        )
        for match in rule.matches or _NO_MATCHES
    ]


def _match(match: GrpcMatch) -> RouteMatch:
    path = _path(match.method) if match.method is not None else ANY_PATH
    return RouteMatch(path=path, headers=named(header_match(item) for item in match.headers), grpc=True)


def _path(method: MethodMatch) -> StringMatch:
    """`/<service>/<method>`; the part that is left out may be anything."""
    if method.type == "Exact":
        if method.service is not None and method.method is not None:
            return StringMatch(MatchKind.EXACT, f"/{method.service}/{method.method}")
        if method.service is not None:
            return StringMatch(MatchKind.PREFIX, f"/{method.service}/")
        return StringMatch(MatchKind.REGEX, f"/[^/]+/{re.escape(method.method or '')}")
    service = f"(?:{method.service})" if method.service is not None else "[^/]+"
    name = f"(?:{method.method})" if method.method is not None else "[^/]+"
    return StringMatch(MatchKind.REGEX, f"/{service}/{name}")

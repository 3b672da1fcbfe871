"""An HTTPRoute lays its rules on every service port that it names as parent (GEP-1294, "xRoutes bound to Services")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.errors import pointer
from meshweb.core.intent import Document, DocumentKey
from meshweb.core.ir import (
    NO_CHANGE,
    Backend,
    HeaderChange,
    MatchKind,
    NamedMatch,
    Redirect,
    Rewrite,
    RouteMatch,
    RouteRule,
    StringMatch,
)
from meshweb.core.names import PortRef, ServiceRef
from meshweb.kinds.base import Reference
from meshweb.kinds.durations import milliseconds
from meshweb.kinds.http_route.spec import (
    BackendFilter,
    BackendObject,
    BackendRef,
    HeaderModifier,
    HTTPRouteSpec,
    Match,
    ParentRef,
    PathModifier,
    Rule,
    RuleFilter,
)

_NO_MATCHES = (Match(),)
_KINDS = {"Exact": MatchKind.EXACT, "PathPrefix": MatchKind.PREFIX, "RegularExpression": MatchKind.REGEX}


def references(document: Document) -> Iterable[Reference]:
    spec = _spec(document)
    for index, parent in enumerate(spec.parent_refs):
        yield Reference(DocumentKey("Service", document.namespace, parent.name), pointer("spec", "parentRefs", index))
    for r, rule in enumerate(spec.rules):
        for b, backend in enumerate(rule.backend_refs):
            target = DocumentKey("Service", backend.namespace or document.namespace, backend.name)
            yield Reference(target, pointer("spec", "rules", r, "backendRefs", b))
        for f, item in enumerate(rule.filters):
            if item.request_mirror is not None:
                ref = item.request_mirror.backend_ref
                target = DocumentKey("Service", ref.namespace or document.namespace, ref.name)
                yield Reference(target, pointer("spec", "rules", r, "filters", f, "requestMirror", "backendRef"))


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = _spec(document)
    problems: list[tuple[str, str]] = []  # reason, message
    rules = [converted for rule in spec.rules for converted in _rules(mesh, document, rule, problems)]
    attached = False
    refusal = ("NoMatchingParent", "no parentRef names a port of a service")
    for parent in spec.parent_refs:
        ports, why = _parent_ports(mesh, document, parent)
        if why is not None:
            refusal = why
        for port in ports:
            attached = True
            mesh.routed_ports.add(port)
            mesh.routes[port].extend((document, rule) for rule in rules)
    mesh.report(document, Condition.accepted() if attached else Condition.not_accepted(*refusal))
    mesh.report(document, Condition.unresolved(*problems[0]) if problems else Condition.resolved())


def _spec(document: Document) -> HTTPRouteSpec:
    assert isinstance(document.spec, HTTPRouteSpec)
    return document.spec


def _parent_ports(mesh: MeshBuilder, document: Document, parent: ParentRef) -> tuple[list[PortRef], tuple[str, str] | None]:
    ref = ServiceRef(document.namespace, parent.name)
    service = mesh.services.get(ref)
    if service is None:
        return [], ("NoMatchingParent", f"there is no Service {ref}")
    if parent.port is not None and service.port(parent.port) is None:
        return [], ("NoMatchingParent", f"Service {ref} has no port {parent.port}")
    named = [port for port in service.ports if parent.port in (None, port.number)]
    http = [PortRef(ref, port.number) for port in named if port.protocol.is_http]
    if not http:
        return [], ("UnsupportedProtocol", f"Service {ref} speaks {named[0].protocol} on port {named[0].number}, not HTTP")
    return http, None


def _rules(mesh: MeshBuilder, document: Document, rule: Rule, problems: list[tuple[str, str]]) -> list[RouteRule]:
    backends = tuple(_backend(mesh, document, ref, problems) for ref in rule.backend_refs)
    filters: dict[str, RuleFilter] = {item.type: item for item in rule.filters if item.type != "RequestMirror"}
    mirrors = tuple(
        port
        for item in rule.filters
        if item.request_mirror is not None
        for port in (_resolve(mesh, document, item.request_mirror.backend_ref, problems),)
        if port is not None
    )
    redirect = _redirect(filters.get("RequestRedirect"))
    # A rule without backends and without redirect answers 500 (Gateway API, HTTPRouteRule.backendRefs).
    if not backends and redirect is None:
        backends = (Backend(None, 1),)
    timeouts = rule.timeouts
    return [
        RouteRule(
            match=_match(match),
            backends=backends,
            request_headers=_change(filters, "RequestHeaderModifier"),
            response_headers=_change(filters, "ResponseHeaderModifier"),
            redirect=redirect,
            rewrite=_rewrite(filters.get("URLRewrite")),
            mirrors=mirrors,
            request_timeout=milliseconds(timeouts.request) if timeouts and timeouts.request else 0,
            try_timeout=milliseconds(timeouts.backend_request) if timeouts and timeouts.backend_request else 0,
            origin=document.key,
        )
        for match in rule.matches or _NO_MATCHES
    ]


def _backend(mesh: MeshBuilder, document: Document, ref: BackendRef, problems: list[tuple[str, str]]) -> Backend:
    filters: dict[str, BackendFilter] = {item.type: item for item in ref.filters}
    return Backend(
        port=_resolve(mesh, document, ref, problems),
        weight=ref.weight,
        request_headers=_change(filters, "RequestHeaderModifier"),
        response_headers=_change(filters, "ResponseHeaderModifier"),
    )


def _resolve(mesh: MeshBuilder, document: Document, ref: BackendObject, problems: list[tuple[str, str]]) -> PortRef | None:
    namespace = ref.namespace or document.namespace
    port = PortRef(ServiceRef(namespace, ref.name), ref.port)
    if namespace != document.namespace:
        problems.append(("RefNotPermitted", f"no ReferenceGrant lets {document.namespace} refer to Service {port.service}"))
        return None
    if port.service not in mesh.services:
        problems.append(("BackendNotFound", f"there is no Service {port.service}"))
        return None
    found = mesh.service_port(namespace, ref.name, ref.port)
    if found is None:
        problems.append(("BackendNotFound", f"Service {port.service} has no port {ref.port}"))
        return None
    if not found.protocol.is_http:
        problems.append(("UnsupportedProtocol", f"Service {port.service} speaks {found.protocol} on port {ref.port}, not HTTP"))
        return None
    return port


def _match(match: Match) -> RouteMatch:
    return RouteMatch(
        path=StringMatch(_KINDS[match.path.type], match.path.value),
        method=match.method or "",
        headers=tuple(sorted((_named(h.name.lower(), h.type, h.value) for h in match.headers), key=lambda m: m.name)),
        query=tuple(sorted((_named(q.name, q.type, q.value) for q in match.query_params), key=lambda m: m.name)),
    )


def _named(name: str, kind: str, value: str) -> NamedMatch:
    return NamedMatch(name, StringMatch(_KINDS[kind], value))


def _change(filters: Mapping[str, RuleFilter | BackendFilter], kind: str) -> HeaderChange:
    item = filters.get(kind)
    if item is None:
        return NO_CHANGE
    modifier = item.request_header_modifier if kind == "RequestHeaderModifier" else item.response_header_modifier
    return _header_change(modifier) if modifier is not None else NO_CHANGE


def _header_change(modifier: HeaderModifier) -> HeaderChange:
    return HeaderChange(
        set=tuple((header.name, header.value) for header in modifier.set),
        add=tuple((header.name, header.value) for header in modifier.add),
        remove=modifier.remove,
    )


def _redirect(item: RuleFilter | None) -> Redirect | None:
    if item is None or item.request_redirect is None:
        return None
    spec = item.request_redirect
    full, prefix = _paths(spec.path)
    return Redirect(spec.scheme or "", spec.hostname or "", spec.port, full, prefix, spec.status_code)


def _rewrite(item: RuleFilter | None) -> Rewrite | None:
    if item is None or item.url_rewrite is None:
        return None
    full, prefix = _paths(item.url_rewrite.path)
    return Rewrite(item.url_rewrite.hostname or "", full, prefix)


def _paths(path: PathModifier | None) -> tuple[str | None, str | None]:
    if path is None:
        return None, None
    return path.replace_full_path, path.replace_prefix_match

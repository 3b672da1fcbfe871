"""A VirtualService lays its routes on the services and Gateway servers that its hosts name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from meshweb.core import hosts
from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.errors import pointer
from meshweb.core.gateway_table import HostRules
from meshweb.core.intent import Document, DocumentKey
from meshweb.core.ir.gateways import GatewayRef, GatewayServer
from meshweb.core.ir.routing import Backend, Callers, ConnectionRule, Destination, Origin, RouteRule, Visibility
from meshweb.core.ir.services import Service
from meshweb.core.names import PortRef
from meshweb.core.route_table import Binding
from meshweb.kinds.base import Reference
from meshweb.kinds.common import istio
from meshweb.kinds.common.istio_destinations import destination_of
from meshweb.kinds.common.istio_scope import service_reference, visible_in
from meshweb.kinds.virtual_service.delegates import own_and_delegated
from meshweb.kinds.virtual_service.routes import rule_of
from meshweb.kinds.virtual_service.spec import HttpMatch, L4Match, RouteDestination, TlsMatch, VirtualServiceSpec

_MESH = "mesh"
_ANY_HTTP = (HttpMatch(),)
_ANY_TCP = (L4Match(),)


@dataclass(frozen=True, slots=True)
class _Request:
    """A rule, and where it holds besides what it matches: on which port (None: all) and gateways (empty: all of the document)."""

    rule: RouteRule
    port: int | None
    gateways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Connection:
    rule: ConnectionRule
    port: int | None
    gateways: tuple[str, ...]
    tls: bool


@dataclass(slots=True)
class _Work:
    """One document on its way into the mesh."""

    mesh: MeshBuilder
    document: Document
    spec: VirtualServiceSpec
    requests: list[_Request] = field(default_factory=list)
    connections: list[_Connection] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    refusals: list[tuple[str, str]] = field(default_factory=list)
    attached: bool = False


def references(document: Document) -> Iterable[Reference]:
    spec = _spec(document)
    for index, host in enumerate(spec.hosts):
        yield from service_reference(document, host, pointer("spec", "hosts", index))
    for index, name in enumerate(spec.gateways):
        if name != _MESH:
            ref = _gateway(name, document.namespace)
            yield Reference(DocumentKey(ref.kind, ref.namespace, ref.name), pointer("spec", "gateways", index))
    for destination, at in _destinations(spec):
        yield from service_reference(document, destination.host, at)
    for index, route in enumerate(spec.http):
        if route.delegate is not None:
            key = DocumentKey(document.key.kind, route.delegate.namespace or document.namespace, route.delegate.name)
            yield Reference(key, pointer("spec", "http", index, "delegate"))


def apply(mesh: MeshBuilder, document: Document) -> None:
    work = _Work(mesh, document, _spec(document))
    if not work.spec.hosts:
        mesh.report(document, Condition.accepted("its routes hold where another VirtualService delegates to it"))
        return
    _read(work)
    for gateway in work.spec.gateways or (_MESH,):
        if gateway == _MESH:
            _attach_to_services(work)
        else:
            _attach_to_gateway(work, gateway)
    words = "; ".join(message for _, message in work.refusals)
    refused = work.refusals[0][0] if work.refusals else "NoMatchingHost"
    mesh.report(document, Condition.accepted(words) if work.attached else Condition.not_accepted(refused, words))
    mesh.report(document, Condition.unresolved(*work.problems[0]) if work.problems else Condition.resolved())


def _spec(document: Document) -> VirtualServiceSpec:
    assert isinstance(document.spec, VirtualServiceSpec)
    return document.spec


def _destinations(spec: VirtualServiceSpec) -> Iterator[tuple[istio.Destination, str]]:
    for index, route in enumerate(spec.http):
        for place, item in enumerate(route.route):
            yield item.destination, pointer("spec", "http", index, "route", place, "destination")
        for place, mirror in enumerate(route.mirrors):
            yield mirror.destination, pointer("spec", "http", index, "mirrors", place, "destination")
        if route.mirror is not None:
            yield route.mirror, pointer("spec", "http", index, "mirror")
    others = [(("tls", index), tls.route) for index, tls in enumerate(spec.tls)]
    others += [(("tcp", index), tcp.route) for index, tcp in enumerate(spec.tcp)]
    for at, targets in others:
        for place, target in enumerate(targets):
            yield target.destination, pointer("spec", *at, "route", place, "destination")


# --- rules ----------------------------------------------------------------------------------------------------------


def _read(work: _Work) -> None:
    for written_in, index, route in own_and_delegated(work.mesh, work.document, work.problems):
        resolve = partial(destination_of, work.mesh, written_in, problems=work.problems)
        for match in route.match or _ANY_HTTP:
            rule = rule_of(route, match, resolve, written_in.key, pointer("spec", "http", index))
            work.requests.append(_Request(rule, match.port, match.gateways))
    for index, tls in enumerate(work.spec.tls):
        backends = _shares(work, tls.route)
        for tls_match in tls.match:
            named = _connection(work, backends, tls_match, ("tls", index), tls_match.sni_hosts)
            work.connections.append(_Connection(named, tls_match.port, tls_match.gateways, tls=True))
    for index, tcp in enumerate(work.spec.tcp):
        backends = _shares(work, tcp.route)
        for tcp_match in tcp.match or _ANY_TCP:
            plain = _connection(work, backends, tcp_match, ("tcp", index), ())
            work.connections.append(_Connection(plain, tcp_match.port, tcp_match.gateways, tls=False))


def _connection(
    work: _Work, backends: tuple[Backend, ...], match: L4Match | TlsMatch, at: tuple[str, int], names: tuple[str, ...]
) -> ConnectionRule:
    callers = Callers(match.source_namespace or "", frozenset(match.source_labels.items()))
    return ConnectionRule(backends, names, callers, origin=Origin(work.document.key, pointer("spec", *at)))


def _shares(work: _Work, route: tuple[RouteDestination, ...]) -> tuple[Backend, ...]:
    resolve = partial(destination_of, work.mesh, work.document, problems=work.problems)
    return tuple(Backend(resolve(item.destination), item.weight if len(route) > 1 else 1) for item in route)


# --- where they hold ------------------------------------------------------------------------------------------------


def _attach_to_services(work: _Work) -> None:
    seen = visible_in(work.spec.export_to, work.document.namespace)
    requests = [item for item in work.requests if not item.gateways or _MESH in item.gateways]
    connections = [item for item in work.connections if not item.gateways or _MESH in item.gateways]
    for host in work.spec.hosts:
        services = _services(work, host)
        if not services:
            work.refusals.append(("NoMatchingHost", f"no service has the host {host}"))
        for service in services:
            wildcard = host if host.startswith("*") else ""
            if not _bind(work, service, requests, connections, Visibility(seen), wildcard):
                protocols = ", ".join(f"{port.protocol} on port {port.number}" for port in service.ports)
                words = f"service {service.ref} speaks {protocols}: no route here is for that"
                work.refusals.append(("UnsupportedProtocol", words))


def _services(work: _Work, host: str) -> list[Service]:
    if not host.startswith("*"):
        found = work.mesh.service_named(host, work.document.namespace)
        return [found] if found is not None else []
    namespace = work.document.namespace
    return [s for s in work.mesh.services_matching(host) if s.visible_in is None or namespace in s.visible_in]


def _bind(
    work: _Work,
    service: Service,
    requests: list[_Request],
    connections: list[_Connection],
    visibility: Visibility,
    wildcard: str,
) -> bool:
    routing, bound = work.mesh.routing, False
    for port in service.ports:
        ref = PortRef(service.ref, port.number)
        rules = tuple(item.rule for item in requests if item.port in {None, port.number})
        if rules and port.protocol.may_be_http:
            routing.bind(ref, Binding(work.document, rules, visibility, wildcard))
            bound = True
        others = tuple(item.rule for item in connections if item.port in {None, port.number})
        if others and not port.protocol.is_http:
            routing.bind_connections(ref, Binding(work.document, others, visibility, wildcard))
            bound = True
    work.attached |= bound
    return bound


def _gateway(name: str, namespace: str) -> GatewayRef:
    head, _, tail = name.rpartition("/")
    return GatewayRef("IstioGateway", head or namespace, tail)


def _attach_to_gateway(work: _Work, name: str) -> None:
    ref = _gateway(name, work.document.namespace)
    gateway = work.mesh.gateways.gateways.get(ref)
    seen = visible_in(work.spec.export_to, work.document.namespace)
    if gateway is None or (seen is not None and ref.namespace not in seen):
        why = f"there is no Gateway {ref}" if gateway is None else f"exportTo leaves out the namespace of Gateway {ref}"
        work.refusals.append(("NoMatchingGateway", why))
        return
    bound = False
    for server in gateway.servers:
        for host in _hosts_on(work, server):
            rules = _on(work, server, name, host)
            if rules is not None:
                work.mesh.gateways.bind(server, rules)
                bound = True
    work.attached |= bound
    if not bound:
        words = f"no server of Gateway {ref} takes {', '.join(work.spec.hosts)} of namespace {work.document.namespace}"
        work.refusals.append(("NoMatchingGateway", words))


def _hosts_on(work: _Work, server: GatewayServer) -> list[str]:
    """What the hosts of document and server have in common."""
    suffix, namespace = work.mesh.settings.dns_suffix, work.document.namespace
    wanted = [host if "." in host or host == "*" else hosts.qualified(host, namespace, suffix) for host in work.spec.hosts]
    shared = (hosts.common(pattern, host) for pattern in server.hosts_for(namespace) for host in wanted)
    return list(dict.fromkeys(host for host in shared if host is not None))


def _on(work: _Work, server: GatewayServer, gateway: str, host: str) -> HostRules | None:
    """None: nothing here is for that server."""
    own = {gateway, gateway.rpartition("/")[2]} if "/" not in gateway else {gateway}

    def holds(item: _Request | _Connection) -> bool:
        return item.port in {None, server.port} and (not item.gateways or bool(own & set(item.gateways)))

    if server.takes_requests:
        rules = tuple(item.rule for item in work.requests if holds(item))
        return HostRules(work.document, host, rules) if rules else None
    wants_tls = server.tls is not None and not server.terminates
    connections = tuple(_unread(work, item.rule) for item in work.connections if holds(item) and item.tls == wants_tls)
    if wants_tls:
        connections = tuple(rule for rule in connections if any(hosts.covers(host, name) for name in rule.server_names))
    return HostRules(work.document, host, (), connections) if connections else None


def _unread(work: _Work, rule: ConnectionRule) -> ConnectionRule:
    """Without the destinations that would take what clients send for requests which the gateway has read, with headers that it vouches
    for."""
    backends = tuple(backend if backend.to is None else _backend(work, backend, backend.to) for backend in rule.backends)
    return replace(rule, backends=backends)


def _backend(work: _Work, backend: Backend, to: Destination) -> Backend:
    service = work.mesh.services.get(to.port.service)
    port = service.port(to.port.port) if service is not None else None
    if service is None or port is None or service.external or not port.protocol.is_http:
        return backend
    words = (
        f"{service.ref} speaks {port.protocol} on port {port.number}: a gateway passes requests on by http, not by tcp or tls"
    )
    if ("UnsupportedProtocol", words) not in work.problems:
        work.problems.append(("UnsupportedProtocol", words))
    return replace(backend, to=None)

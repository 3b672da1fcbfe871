"""Intent in, snapshots and conditions out. Deterministic: the same intent gives the same bytes, in any order of documents.

A `Compiler` keeps what it built, by equal IR value, so that a small change costs what it touches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol as TypingProtocol, TypeVar

from meshweb.core import names
from meshweb.core.builder import MeshBuilder, Phase
from meshweb.core.conditions import Condition
from meshweb.core.envoy.clusters import OutboundCluster, inbound_cluster, outbound_cluster
from meshweb.core.envoy.endpoints import load_assignment
from meshweb.core.envoy.inbound_routes import inbound_route_configuration
from meshweb.core.envoy.listeners import InboundListener, OutboundListener, inbound_listener, outbound_listener, proxy_listener
from meshweb.core.envoy.routes import proxy_route_configuration, route_configuration
from meshweb.core.errors import CompileError
from meshweb.core.intent import CaptureMode, Document, DocumentKey, Intent, ProxyView, Unreadable
from meshweb.core.ir import Backend, InboundPort, Protocol, RouteMatch, RouteRule, VirtualService, Workload
from meshweb.core.matching import route_order
from meshweb.core.names import PortRef, ServiceRef
from meshweb.core.snapshot import Section, Snapshot, TypeUrl, XdsResource

T = TypeVar("T")


class CompilableKind(TypingProtocol):
    """What the compiler needs to know of a kind (`meshweb.kinds.base.Kind` is one)."""

    @property
    def kind(self) -> str: ...
    @property
    def phase(self) -> Phase: ...
    @property
    def apply(self) -> Callable[[MeshBuilder, Document], None]: ...
    @property
    def fail_closed(self) -> Callable[[MeshBuilder, Document], None] | None: ...


@dataclass(frozen=True, slots=True)
class Compilation:
    """Result of one run.

    snapshots: per proxy id; proxies with the same view share Section objects.
    mesh: the finished workbench, for status, topology and explanations.
    """

    revision: int
    snapshots: Mapping[str, Snapshot]
    conditions: Mapping[DocumentKey, tuple[Condition, ...]]
    mesh: MeshBuilder


def build_mesh(intent: Intent, kinds: Iterable[CompilableKind]) -> MeshBuilder:
    """Run all kinds over all documents. A document that fails harms its own target only, and closed."""
    by_name = {kind.kind: kind for kind in kinds}
    mesh = MeshBuilder(settings=intent.settings, unhealthy=intent.unhealthy)
    ordered = sorted(intent.documents.values(), key=lambda d: (by_name[d.key.kind].phase, d.age_order, d.key))
    for document in ordered:
        kind = by_name[document.key.kind]
        try:
            if isinstance(document.spec, Unreadable):
                raise CompileError(document.spec.reason)
            kind.apply(mesh, document)
        except CompileError as error:
            mesh.report(document, Condition.not_accepted("Invalid", str(error)))
            if kind.fail_closed is not None:
                kind.fail_closed(mesh, document)
    return mesh


class Compiler:
    """Keeps built resources and sections between runs. One per process; not for several threads."""

    def __init__(self, kinds: Sequence[CompilableKind]) -> None:
        self._kinds = kinds
        self._resources: dict[object, XdsResource] = {}
        self._sections: dict[str, Section] = {}

    def compile(self, intent: Intent) -> Compilation:
        mesh = build_mesh(intent, self._kinds)
        run = _Run(self, intent, mesh)
        snapshots = {proxy_id: run.snapshot(view) for proxy_id, view in sorted(intent.proxies.items())}
        self._resources = run.used
        self._sections = {
            s.version: s for snapshot in snapshots.values() for group in snapshot.sections.values() for s in group
        }
        conditions = {key: tuple(found) for key, found in mesh.conditions.items()}
        return Compilation(intent.revision, snapshots, conditions, mesh)


class _Run:
    """One compilation: memo of sections by view, and which cached resources it used (the rest is dropped)."""

    def __init__(self, compiler: Compiler, intent: Intent, mesh: MeshBuilder) -> None:
        self._intent = intent
        self._mesh = mesh
        self._known = compiler._resources
        self._interned = dict(compiler._sections)
        self._memo: dict[object, object] = {}
        self.used: dict[object, XdsResource] = {}

    # --- caches -----------------------------------------------------------------------------------------------------

    def _resource(self, key: object, build: Callable[[], XdsResource]) -> XdsResource:
        found = self.used.get(key)
        if found is None:
            found = self._known.get(key)
            if found is None:
                found = build()
            self.used[key] = found
        return found

    def _section(self, resources: Iterable[XdsResource]) -> Section:
        section = Section.of(resources)
        return self._interned.setdefault(section.version, section)

    def _once(self, key: object, make: Callable[[], T]) -> T:
        if key not in self._memo:
            self._memo[key] = make()
        return self._memo[key]  # type: ignore[return-value]  # the key determines the type

    # --- one proxy --------------------------------------------------------------------------------------------------

    def snapshot(self, view: ProxyView) -> Snapshot:
        workload = self._mesh.workloads.get((view.namespace, view.name))
        upstreams = self._mesh.upstreams.get((view.namespace, view.name))
        proxied = view.mode is CaptureMode.PROXY
        reached = self._once(("ports", upstreams), lambda: self._reachable(upstreams))
        inbound = self._inbound(workload) if workload is not None else ()
        return Snapshot(
            self._intent.revision,
            {
                TypeUrl.CLUSTER: (
                    self._once(("cds", upstreams), lambda: self._section(map(self._outbound_cluster, reached))),
                    self._once(
                        ("in-cds", view.app_address, inbound), lambda: self._section(self._inbound_clusters(view, inbound))
                    ),
                ),
                TypeUrl.ENDPOINT: (self._once(("eds", upstreams), lambda: self._section(map(self._endpoints, reached))),),
                TypeUrl.LISTENER: (
                    self._once(
                        self._outbound_key(view, upstreams), lambda: self._section(self._outbound_listeners(view, upstreams))
                    ),
                    self._once(("in-lds", view.bind, inbound), lambda: self._section(self._inbound_listeners(view, inbound))),
                ),
                TypeUrl.ROUTE: (
                    self._once(("rds", upstreams, proxied), lambda: self._section(self._routes(upstreams, proxied))),
                    self._once(("in-rds", inbound), lambda: self._section(self._inbound_routes(inbound))),
                ),
            },
        )

    @staticmethod
    def _outbound_key(view: ProxyView, upstreams: frozenset[ServiceRef] | None) -> object:
        base = view.loopback_range if view.mode is CaptureMode.LOOPBACK else view.bind
        return ("lds", upstreams, view.mode, base)

    # --- outbound ---------------------------------------------------------------------------------------------------

    def _called(self, upstreams: frozenset[ServiceRef] | None) -> list[PortRef]:
        """Service ports that a proxy may call by name."""
        known = self._mesh.services
        services = known.values() if upstreams is None else [known[ref] for ref in upstreams if ref in known]
        return sorted(PortRef(s.ref, p.number) for s in services for p in s.ports)

    def _reachable(self, upstreams: frozenset[ServiceRef] | None) -> list[PortRef]:
        """Service ports whose clusters a proxy needs: those it calls, and those that their routes lead to."""
        called = self._called(upstreams)
        if upstreams is None:
            return called
        found = set(called)
        for port in called:
            for rule in self._virtual_service(port).routes:
                found |= {backend.port for backend in rule.backends if backend.port is not None} | set(rule.mirrors)
        return sorted(found)

    def _outbound_cluster(self, port: PortRef) -> XdsResource:
        service, settings = self._mesh.services[port.service], self._intent.settings
        found = service.port(port.port)
        assert found is not None
        accounts = self._once(("ids", port.service), lambda: self._mesh.identities(service))
        identities = tuple(names.spiffe_id(settings.trust_domain, port.service.namespace, account) for account in accounts)
        spec = OutboundCluster(port, found.protocol, identities, self._mesh.connect_timeout_ms, settings.dns_suffix)
        return self._resource(spec, lambda: outbound_cluster(spec))

    def _endpoints(self, port: PortRef) -> XdsResource:
        service = self._mesh.services[port.service]
        found = service.port(port.port)
        assert found is not None
        name = names.outbound(port, self._intent.settings.dns_suffix)
        endpoints = self._mesh.endpoints(service, found)
        return self._resource(("cla", name, endpoints), lambda: load_assignment(name, endpoints))

    def _virtual_service(self, port: PortRef) -> VirtualService:
        return self._once(("vs", port), lambda: virtual_service(self._mesh, port))

    def _routes(self, upstreams: frozenset[ServiceRef] | None, proxied: bool) -> list[XdsResource]:
        suffix = self._intent.settings.dns_suffix
        services = [self._virtual_service(port) for port in self._called(upstreams)]
        services = [service for service in services if service.protocol.is_http]
        if proxied:
            hosts = tuple((service, self._domains(service.port)) for service in services)
            return [self._resource(("proxy-rds", hosts), lambda: proxy_route_configuration(hosts, suffix))]
        return [self._resource(service, lambda s=service: route_configuration(s, suffix)) for service in services]  # type: ignore[misc]  # mypy: lambda default

    def _domains(self, port: PortRef) -> tuple[str, ...]:
        """With and without port; the short form without port only for the service's first port."""
        service = self._mesh.services[port.service]
        aliases = names.service_aliases(port.service, self._intent.settings.dns_suffix)
        with_port = tuple(f"{alias}:{port.port}" for alias in aliases)
        return aliases + with_port if service.ports[0].number == port.port else with_port

    def _outbound_listeners(self, view: ProxyView, upstreams: frozenset[ServiceRef] | None) -> list[XdsResource]:
        if view.mode is CaptureMode.PROXY:
            return [self._resource(("proxy-lds", view.bind), lambda: proxy_listener(view.bind))]
        found = []
        for port in self._called(upstreams):
            place = self._local_place(view, port)
            if place is None:
                continue
            service_port = self._mesh.services[port.service].port(port.port)
            assert service_port is not None
            spec = OutboundListener(*place, port, service_port.protocol, self._intent.settings.dns_suffix)
            found.append(self._resource(spec, lambda s=spec: outbound_listener(s)))  # type: ignore[misc]  # mypy: lambda default
        return found

    def _local_place(self, view: ProxyView, port: PortRef) -> tuple[str, int] | None:
        """Local host and port of a service port, or None while none is assigned, or when this proxy has no room for it."""
        wanted = 0 if view.mode is CaptureMode.LOOPBACK else port.port
        index = self._intent.local_addresses.get((port.service, wanted))
        if index is None:
            return None
        try:
            if view.mode is CaptureMode.LOOPBACK:
                return names.loopback_address(view.loopback_range, index), port.port
            return view.bind, names.explicit_port(index)
        except ValueError:
            return None  # an agent chooses its range: too small a one is the trouble of its VM, not of the mesh

    # --- inbound ----------------------------------------------------------------------------------------------------

    def _inbound(self, workload: Workload) -> tuple[InboundPort, ...]:
        policies, mtls = self._mesh.policies_of(workload), self._mesh.mtls_of(workload)
        protocols = self._mesh.inbound_protocols(workload)
        return tuple(InboundPort(number, protocol, mtls, policies) for number, protocol in protocols.items())

    def _inbound_clusters(self, view: ProxyView, inbound: tuple[InboundPort, ...]) -> list[XdsResource]:
        return [
            self._resource(
                ("in-cluster", port.number, port.protocol, view.app_address),
                lambda p=port: inbound_cluster(p.number, p.protocol, view.app_address),  # type: ignore[misc]  # mypy: lambda default
            )
            for port in inbound
        ]

    def _inbound_routes(self, inbound: tuple[InboundPort, ...]) -> list[XdsResource]:
        domain = self._intent.settings.trust_domain
        return [
            self._resource(("in-route", port, domain), lambda p=port: inbound_route_configuration(p, domain))  # type: ignore[misc]  # mypy: lambda default
            for port in inbound
            if port.protocol.is_http
        ]

    def _inbound_listeners(self, view: ProxyView, inbound: tuple[InboundPort, ...]) -> list[XdsResource]:
        specs = [InboundListener(view.bind, port, self._intent.settings.trust_domain) for port in inbound]
        return [self._resource(spec, lambda s=spec: inbound_listener(s)) for spec in specs]  # type: ignore[misc]  # mypy: lambda default


def virtual_service(mesh: MeshBuilder, port: PortRef) -> VirtualService:
    """Routes of a service port in match order; without any HTTPRoute everything goes to the service itself."""
    service_port = mesh.services[port.service].port(port.port)
    protocol = service_port.protocol if service_port is not None else Protocol.HTTP
    if port in mesh.routed_ports:
        routes = tuple(rule for _, rule in sorted(mesh.routes[port], key=route_order))
    else:
        routes = (RouteRule(RouteMatch(), (Backend(port, 1),)),)
    return VirtualService(port, protocol, routes)


def workloads_by_service(mesh: MeshBuilder) -> Mapping[str, list[ServiceRef]]:
    """Workload id -> services it backs."""
    found: defaultdict[str, list[ServiceRef]] = defaultdict(list)
    for ref, service in sorted(mesh.services.items()):
        for workload in mesh.selected_by(service):
            found[workload.id].append(ref)
    return found

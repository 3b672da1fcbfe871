"""The outbound half of a sidecar: clusters, endpoints, listeners and routes for what its application calls."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from meshweb.core import names
from meshweb.core.changes import Touched
from meshweb.core.envoy.clusters import outbound_cluster, passthrough_cluster
from meshweb.core.envoy.endpoints import load_assignment
from meshweb.core.envoy.listeners import OutboundListener, outbound_listener, proxy_listener
from meshweb.core.envoy.routes import proxy_route_configuration, route_configuration
from meshweb.core.intent import CaptureMode, Intent, ProxyView
from meshweb.core.ir.routing import Destination, VirtualService
from meshweb.core.ir.services import Resolution
from meshweb.core.ir.sidecars import OutboundPolicy
from meshweb.core.names import PortRef, ServiceRef
from meshweb.core.providers import provider_destinations
from meshweb.core.resources import Resources
from meshweb.core.scope import Scope, targets
from meshweb.core.snapshot import Section, XdsResource


@dataclass(frozen=True, slots=True)
class Place:
    """Where an application finds the services it calls. base: the sidecar's address, or its range in mode loopback."""

    mode: CaptureMode
    base: str

    @property
    def proxied(self) -> bool:
        return self.mode is CaptureMode.PROXY

    @classmethod
    def of(cls, view: ProxyView) -> Place:
        return cls(view.mode, view.loopback_range if view.mode is CaptureMode.LOOPBACK else view.bind)


@dataclass(frozen=True, slots=True)
class OutboundSections:
    clusters: Section
    endpoints: Section
    listeners: Section
    routes: Section


class Outbound:
    """For one scope, kept while the mesh changes; places tell the proxies in it apart."""

    def __init__(self, intent: Intent, scope: Scope, resources: Resources) -> None:
        self._addresses = intent.local_addresses
        self._scope = scope
        self._resources = resources
        self._suffix = intent.settings.dns_suffix
        self._virtual = {port: scope.virtual_service(port) for port in scope.called()}
        self._needed: Counter[Destination] = Counter()
        self._by_service: defaultdict[ServiceRef, set[Destination]] = defaultdict(set)
        if scope.egress_proxy is not None:
            self._need([scope.egress_proxy])
        self._need(provider_destinations(scope.mesh))
        for service in self._virtual.values():
            self._need(_needs(service))
        self._clusters = resources.section(self._cluster_resources(self._needed))
        self._endpoints = resources.section(self._assignments(self._needed))
        self.places: dict[Place, OutboundSections] = {}
        """What is known so far. A mapping that was taken from here keeps what it holds: a change puts another in its place."""

    def at(self, place: Place) -> OutboundSections:
        if place not in self.places:
            self.places[place] = OutboundSections(
                self._clusters_at(place),
                self._endpoints,
                self._resources.section(self._listeners(place, self._virtual.values())),
                self._resources.section(self._routes(place, self._virtual.values())),
            )
        return self.places[place]

    def keep(self, places: set[Place]) -> None:
        """Drop all others."""
        if places != self.places.keys():
            self.places = {place: sections for place, sections in self.places.items() if place in places}

    # --- a change ---------------------------------------------------------------------------------------------------

    def update(self, touched: Touched) -> None:
        changed, fresh, gone = self._changed_ports(touched.ports)
        stale = fresh | {d for ref in touched.services for d in self._by_service.get(ref, ())}
        if not (stale or gone or changed):
            return
        names_gone = [names.outbound(d.port, self._suffix, d.subset) for d in gone]
        self._clusters = self._resources.changed(self._clusters, self._cluster_resources(stale), names_gone)
        self._endpoints = self._resources.changed(self._endpoints, self._assignments(stale), names_gone)
        self.places = {place: self._moved(place, known, changed) for place, known in self.places.items()}

    def _changed_ports(
        self, ports: Iterable[PortRef]
    ) -> tuple[dict[PortRef, VirtualService], set[Destination], set[Destination]]:
        """Ports with other rules than before, and the destinations that are needed now and are not any more."""
        changed = {}
        fresh: set[Destination] = set()
        left: set[Destination] = set()
        for port in ports:
            before = self._virtual.get(port)
            if before is None:
                continue
            self._scope.forget(port)
            after = self._scope.virtual_service(port)
            if after != before:
                needs, released = _needs(after), _needs(before)
                fresh |= {destination for destination in needs if destination not in self._needed}
                left |= released
                self._need(needs)
                self._release(released)
                self._virtual[port] = changed[port] = after
        gone = {destination for destination in left if destination not in self._needed}
        return changed, {destination for destination in fresh if destination in self._needed}, gone

    def _moved(self, place: Place, known: OutboundSections, changed: dict[PortRef, VirtualService]) -> OutboundSections:
        if place.proxied:
            listeners = self._resources.section(self._listeners(place, self._virtual.values())) if changed else known.listeners
            routes = self._resources.section(self._routes(place, self._virtual.values())) if changed else known.routes
        else:
            listeners = self._resources.changed(known.listeners, self._listeners(place, changed.values()))
            routes = self._resources.changed(known.routes, self._routes(place, changed.values()))
        return OutboundSections(self._clusters_at(place), self._endpoints, listeners, routes)

    def _need(self, destinations: Iterable[Destination]) -> None:
        for destination in destinations:
            self._needed[destination] += 1
            self._by_service[destination.port.service].add(destination)

    def _release(self, destinations: Iterable[Destination]) -> None:
        for destination in destinations:
            self._needed[destination] -= 1
            if not self._needed[destination]:
                del self._needed[destination]
                self._by_service[destination.port.service].discard(destination)

    # --- resources --------------------------------------------------------------------------------------------------

    def _clusters_at(self, place: Place) -> Section:
        if not (place.proxied and self._others == names.PASSTHROUGH_CLUSTER):
            return self._clusters
        return self._resources.changed(self._clusters, [self._resources.get("passthrough", passthrough_cluster)])

    def _cluster_resources(self, destinations: Iterable[Destination]) -> list[XdsResource]:
        return cluster_resources(self._scope, self._resources, destinations)

    def _assignments(self, destinations: Iterable[Destination]) -> list[XdsResource]:
        return assignments(self._scope, self._resources, destinations, self._suffix)

    def _routes(self, place: Place, services: Iterable[VirtualService]) -> list[XdsResource]:
        if place.proxied:
            hosts = tuple((service, self._domains(service.port)) for service in services)
            others = self._others
            key = ("proxy-rds", hosts, others)
            return [self._resources.get(key, lambda: proxy_route_configuration(hosts, self._suffix, others=others))]
        return [
            self._resources.get(service, lambda s=service: route_configuration(s, self._suffix))  # type: ignore[misc]  # mypy: lambda default
            for service in services
            if service.protocol.may_be_http and self._local_place(place, service.port) is not None
        ]

    def _listeners(self, place: Place, services: Iterable[VirtualService]) -> list[XdsResource]:
        if place.proxied:
            dynamic = self._others == names.PASSTHROUGH_CLUSTER or any(self._is_dynamic(port) for port in self._virtual)
            key = ("proxy-lds", place.base, dynamic)
            return [self._resources.get(key, lambda: proxy_listener(place.base, dynamic=dynamic))]
        found = []
        for service in services:
            local = self._local_place(place, service.port)
            if local is None:
                continue
            spec = OutboundListener(
                *local,
                service.port,
                service.protocol,
                service.connections,
                self._is_dynamic(service.port),
                self._scope.mesh.detection_timeout_ms,
                self._suffix,
            )
            found.append(self._resources.get(spec, lambda s=spec: outbound_listener(s)))  # type: ignore[misc]  # mypy: lambda default
        return found

    @property
    def _others(self) -> str:
        """The cluster for hosts that no document names; empty: there is none."""
        if self._scope.outbound_policy is not OutboundPolicy.ALLOW_ANY:
            return ""
        proxy = self._scope.egress_proxy
        return names.PASSTHROUGH_CLUSTER if proxy is None else names.outbound(proxy.port, self._suffix, proxy.subset)

    def _is_dynamic(self, port: PortRef) -> bool:
        return self._scope.mesh.services[port.service].resolution is Resolution.DYNAMIC_DNS

    def _domains(self, port: PortRef) -> tuple[str, ...]:
        """With and without port; the form without port only for the service's first port."""
        service = self._scope.mesh.services[port.service]
        aliases = tuple(f"{name}{dot}" for name in names.service_aliases(port.service, self._suffix) for dot in ("", "."))
        with_port = tuple(f"{alias}:{port.port}" for alias in aliases)
        return aliases + with_port if service.ports[0].number == port.port else with_port

    def _local_place(self, place: Place, port: PortRef) -> tuple[str, int] | None:
        """Local host and port of a service port, or None while none is assigned, or when this proxy has no room for it."""
        loopback = place.mode is CaptureMode.LOOPBACK
        index = self._addresses.get((port.service, 0 if loopback else port.port))
        if index is None:
            return None
        try:
            if loopback:
                return names.loopback_address(place.base, index), port.port
            return place.base, names.explicit_port(index)
        except ValueError:
            return None  # an agent chooses its range: too small a one is the trouble of its VM, not of the mesh


def _needs(service: VirtualService) -> set[Destination]:
    """The port itself, and where its rules lead."""
    return {Destination(service.port), *targets(service.routes, service.connections)}


def cluster_resources(scope: Scope, resources: Resources, destinations: Iterable[Destination]) -> list[XdsResource]:
    """Clusters of the destinations that exist."""
    specs = [spec for spec in map(scope.cluster, destinations) if spec is not None]
    return [resources.get(spec, lambda s=spec: outbound_cluster(s)) for spec in specs]  # type: ignore[misc]  # mypy: lambda default


def assignments(scope: Scope, resources: Resources, destinations: Iterable[Destination], dns_suffix: str) -> list[XdsResource]:
    """ClusterLoadAssignments of the destinations whose endpoints the mesh knows."""
    found = []
    for destination in destinations:
        if scope.policy(destination) is None:
            continue
        endpoints = scope.endpoints(destination)
        if endpoints is None:
            continue
        name = names.outbound(destination.port, dns_suffix, destination.subset)
        key = ("cla", name, endpoints)
        found.append(resources.get(key, lambda n=name, e=endpoints: load_assignment(n, e)))  # type: ignore[misc]  # mypy: lambda default
    return found

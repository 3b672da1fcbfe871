"""The outbound half of a sidecar: clusters, endpoints, listeners and routes for what its application calls."""

from __future__ import annotations

from dataclasses import dataclass

from meshweb.core import names
from meshweb.core.envoy.clusters import outbound_cluster, passthrough_cluster
from meshweb.core.envoy.endpoints import load_assignment
from meshweb.core.envoy.listeners import OutboundListener, outbound_listener, proxy_listener
from meshweb.core.envoy.routes import proxy_route_configuration, route_configuration
from meshweb.core.intent import CaptureMode, Intent, ProxyView
from meshweb.core.ir.routing import Destination
from meshweb.core.ir.services import Resolution
from meshweb.core.ir.sidecars import OutboundPolicy
from meshweb.core.names import PortRef
from meshweb.core.resources import Resources
from meshweb.core.scope import Scope
from meshweb.core.snapshot import XdsResource


@dataclass(frozen=True, slots=True)
class Place:
    """Where an application finds the services it calls. base: the sidecar's address, or its range in mode loopback."""

    mode: CaptureMode
    base: str

    @property
    def proxied(self) -> bool:
        return self.mode is CaptureMode.PROXY


class OutboundCompiler:
    """For one scope; `place` tells the proxies in it apart."""

    def __init__(self, intent: Intent, scope: Scope, resources: Resources) -> None:
        self._intent = intent
        self._scope = scope
        self._resources = resources
        self._suffix = intent.settings.dns_suffix
        self._called = scope.called()
        self._virtual = [scope.virtual_service(port) for port in self._called]
        self._destinations = scope.destinations(self._virtual, scope.egress_proxy)

    @staticmethod
    def place(view: ProxyView) -> Place:
        return Place(view.mode, view.loopback_range if view.mode is CaptureMode.LOOPBACK else view.bind)

    def clusters(self, place: Place) -> list[XdsResource]:
        specs = [spec for spec in map(self._scope.cluster, self._destinations) if spec is not None]
        found = [self._resources.get(spec, lambda s=spec: outbound_cluster(s)) for spec in specs]  # type: ignore[misc]  # mypy: lambda default
        if place.proxied and self._others == names.PASSTHROUGH_CLUSTER:
            found.append(self._resources.get("passthrough", passthrough_cluster))
        return found

    def endpoints(self) -> list[XdsResource]:
        return assignments(self._scope, self._resources, self._destinations, self._suffix)

    def routes(self, place: Place) -> list[XdsResource]:
        if place.proxied:
            hosts = tuple((service, self._domains(service.port)) for service in self._virtual)
            others = self._others
            key = ("proxy-rds", hosts, others)
            return [self._resources.get(key, lambda: proxy_route_configuration(hosts, self._suffix, others=others))]
        return [
            self._resources.get(service, lambda s=service: route_configuration(s, self._suffix))  # type: ignore[misc]  # mypy: lambda default
            for service in self._virtual
            if service.protocol.may_be_http and self._local_place(place, service.port) is not None
        ]

    def listeners(self, place: Place) -> list[XdsResource]:
        if place.proxied:
            dynamic = self._others == names.PASSTHROUGH_CLUSTER or any(self._is_dynamic(port) for port in self._called)
            key = ("proxy-lds", place.base, dynamic)
            return [self._resources.get(key, lambda: proxy_listener(place.base, dynamic=dynamic))]
        found = []
        for service in self._virtual:
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
        index = self._intent.local_addresses.get((port.service, 0 if loopback else port.port))
        if index is None:
            return None
        try:
            if loopback:
                return names.loopback_address(place.base, index), port.port
            return place.base, names.explicit_port(index)
        except ValueError:
            return None  # an agent chooses its range: too small a one is the trouble of its VM, not of the mesh


def assignments(scope: Scope, resources: Resources, destinations: list[Destination], dns_suffix: str) -> list[XdsResource]:
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

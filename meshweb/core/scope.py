"""What one caller sees: which services, by which rules it reaches them, and under which policies. Worked out once per class of
callers; every proxy of the class receives the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from meshweb.core import hosts, names
from meshweb.core.builder import MeshBuilder
from meshweb.core.caller import Caller
from meshweb.core.destination_rules import UNRULED, DestinationRule, Resolved, resolve
from meshweb.core.envoy.clusters import OutboundCluster
from meshweb.core.ir.routing import Backend, ConnectionRule, Destination, RouteRule, VirtualService
from meshweb.core.ir.services import Endpoint, Protocol, Resolution, Service, ServicePort
from meshweb.core.ir.sidecars import EgressHost, EgressListener, OutboundPolicy, SidecarScope
from meshweb.core.ir.traffic_policy import HashKey
from meshweb.core.locality import Placed, placed
from meshweb.core.names import PortRef, ServiceRef


@dataclass(frozen=True, slots=True)
class View:
    """What makes two callers see the same. upstreams: the services that a workload says it calls, None: all."""

    caller: Caller
    upstreams: frozenset[ServiceRef] | None = None
    sidecar: SidecarScope | None = None


@dataclass(slots=True)
class Scope:
    """Answers are remembered: each is asked for by clusters, endpoints, listeners and routes."""

    mesh: MeshBuilder
    view: View
    _services: dict[ServiceRef, Service] | None = None
    _virtual: dict[PortRef, VirtualService] = field(default_factory=dict)
    _rules: dict[ServiceRef, tuple[DestinationRule, ...]] = field(default_factory=dict)

    @property
    def caller(self) -> Caller:
        return self.view.caller

    @property
    def outbound_policy(self) -> OutboundPolicy:
        sidecar = self.view.sidecar
        return sidecar.outbound if sidecar is not None and sidecar.outbound is not None else self.mesh.outbound_policy

    @property
    def egress_proxy(self) -> Destination | None:
        """Who takes calls to hosts that no document names."""
        return self.view.sidecar.egress_proxy if self.view.sidecar is not None else None

    # --- services ---------------------------------------------------------------------------------------------------

    def services(self) -> dict[ServiceRef, Service]:
        """What may be called. Of several services with one host, that of the caller's namespace, then the oldest."""
        if self._services is None:
            found: dict[str, Service] = {}
            for service in sorted(self._visible(), key=lambda s: (s.ref.namespace != self.caller.namespace, s.created, s.ref)):
                found.setdefault(names.service_host(service.ref, self.mesh.settings.dns_suffix), service)
            self._services = {service.ref: service for service in sorted(found.values(), key=lambda s: s.ref)}
        return self._services

    def _visible(self) -> Iterator[Service]:
        known, upstreams = self.mesh.services, self.view.upstreams
        candidates = known.values() if upstreams is None else [known[ref] for ref in sorted(upstreams) if ref in known]
        egress = self.view.sidecar.egress if self.view.sidecar is not None else None
        for service in candidates:
            if service.visible_in is not None and self.caller.namespace not in service.visible_in:
                continue
            if egress is None or any(self._lets(listener, service) for listener in egress):
                yield service

    def _lets(self, listener: EgressListener, service: Service) -> bool:
        return self._names(listener.hosts, service) and not self._names(listener.excluded, service)

    def _names(self, patterns: Iterable[EgressHost], service: Service) -> bool:
        host = names.service_host(service.ref, self.mesh.settings.dns_suffix)
        return any(
            (
                p.namespace in {"*", service.ref.namespace}
                or (p.namespace == "." and service.ref.namespace == self.caller.namespace)
            )
            and hosts.covers(p.host, host)
            for p in patterns
        )

    def called(self) -> list[PortRef]:
        """Service ports that may be called by name."""
        egress = self.view.sidecar.egress if self.view.sidecar is not None else None
        return [
            PortRef(service.ref, port.number)
            for service in self.services().values()
            for port in service.ports
            if egress is None or any(self._lets(listener, service) for listener in _on_port(egress, port.number))
        ]

    # --- rules and policies -----------------------------------------------------------------------------------------

    def virtual_service(self, port: PortRef) -> VirtualService:
        """Routes of a service port in match order, with backends that are not there marked as such."""
        if port not in self._virtual:
            found = _port(self.mesh, port)
            protocol = found.protocol if found is not None else Protocol.HTTP
            routes = (
                tuple(self.settled(rule) for rule in self.mesh.routing.routes(port, self.caller))
                if protocol.may_be_http
                else ()
            )
            connections: tuple[ConnectionRule, ...] = ()
            if not protocol.is_http:
                rules = self.mesh.routing.connection_rules(port, self.caller)
                rules = rules or (ConnectionRule((Backend(Destination(port), 1),)),)
                connections = tuple(self.settled_connection(rule) for rule in rules)
            self._virtual[port] = VirtualService(port, protocol, routes, connections)
        return self._virtual[port]

    def forget(self, port: PortRef) -> None:
        """Its rules may be others now."""
        self._virtual.pop(port, None)

    def policy(self, destination: Destination) -> Resolved | None:
        """None: the destination does not exist."""
        service = self.mesh.services.get(destination.port.service)
        if service is None or service.port(destination.port.port) is None:
            return None
        return resolve(self.rules_of(service), destination.port.port, destination.subset)

    def rules_of(self, service: Service) -> tuple[DestinationRule, ...]:
        """The DestinationRules that hold for calls of a service, the one that decides first."""
        rules = self._rules.get(service.ref)
        if rules is None:
            host = names.service_host(service.ref, self.mesh.settings.dns_suffix)
            rules = self.mesh.destination_rules.applying(self.caller, host, service.ref.namespace)
            self._rules[service.ref] = rules
        return rules

    def settled(self, rule: RouteRule) -> RouteRule:
        """For this caller: subsets that no DestinationRule defines lead nowhere; balancing by hash needs keys in the route."""
        backends = self._existing(rule.backends)
        mirrors = tuple(mirror for mirror in rule.mirrors if self.policy(mirror.to) is not None)
        keys = tuple(dict.fromkeys(key for key in map(self._hash_key, backends) if key is not None))
        if backends == rule.backends and mirrors == rule.mirrors and not keys:
            return rule
        return replace(rule, backends=backends, mirrors=mirrors, hash_keys=keys)

    def _existing(self, backends: tuple[Backend, ...]) -> tuple[Backend, ...]:
        return tuple(b if b.to is None or self.policy(b.to) is not None else replace(b, to=None) for b in backends)

    def _hash_key(self, backend: Backend) -> HashKey | None:
        found = self.policy(backend.to) if backend.to is not None else None
        return found.policy.balancing.hash_key if found is not None and found.policy.balancing is not None else None

    def settled_connection(self, rule: ConnectionRule) -> ConnectionRule:
        backends = self._existing(rule.backends)
        first = next((b.to for b in backends if b.to is not None and b.weight), None)
        found = (self.policy(first) if first is not None else None) or UNRULED
        key = found.policy.balancing.hash_key if found.policy.balancing is not None else None
        pool = found.policy.pool
        return replace(
            rule,
            backends=backends,
            hash_source_ip=key is not None and key.source_ip,
            idle_timeout=pool.tcp_idle_timeout if pool is not None else None,
            max_duration=pool.max_connection_duration if pool is not None else None,
            tunnel=found.policy.tunnel,
        )

    # --- destinations -----------------------------------------------------------------------------------------------

    def cluster(self, destination: Destination) -> OutboundCluster | None:
        """None: the destination does not exist."""
        resolved = self.policy(destination)
        if resolved is None:
            return None
        service = self.mesh.services[destination.port.service]
        port = service.port(destination.port.port)
        assert port is not None
        policy = resolved.policy
        return OutboundCluster(
            destination=destination,
            protocol=port.protocol,
            identities=service.accounts if service.external else self.mesh.identities(service),
            external=service.external,
            resolution=service.resolution,
            endpoints=self._resolved_by_proxy(service, port, resolved),
            policy=policy,
            check=self.mesh.health_checks.of(destination.port),
            plain_by=self.mesh.plain_by(service, port),
            connect_timeout_ms=self.mesh.connect_timeout_ms,
            dns_suffix=self.mesh.settings.dns_suffix,
        )

    def _resolved_by_proxy(self, service: Service, port: ServicePort, resolved: Resolved) -> tuple[Endpoint, ...]:
        if service.resolution not in {Resolution.DNS, Resolution.DNS_ROUND_ROBIN}:
            return ()
        found = self.mesh.endpoints(service, port, resolved.labels)
        target = port.target if isinstance(port.target, int) else port.number
        return found or (Endpoint(service.ref.name, target, 1, healthy=True),)

    def endpoints(self, destination: Destination) -> tuple[Placed, ...] | None:
        """None: they do not come from us."""
        service = self.mesh.services[destination.port.service]
        port = service.port(destination.port.port)
        resolved = self.policy(destination)
        if service.resolution is not Resolution.STATIC or port is None or resolved is None:
            return None
        return placed(self.mesh.endpoints(service, port, resolved.labels), self.caller, resolved.policy)


def _on_port(egress: Iterable[EgressListener], port: int) -> list[EgressListener]:
    """Those for the port; the one without a port takes what the others leave."""
    found = list(egress)
    return [listener for listener in found if listener.port == port] or [item for item in found if item.port is None]


def targets(routes: Iterable[RouteRule], connections: Iterable[ConnectionRule]) -> Iterator[Destination]:
    """Where rules lead, with copies."""
    for rule in routes:
        yield from (backend.to for backend in rule.backends if backend.to is not None)
        yield from (mirror.to for mirror in rule.mirrors)
    for connection in connections:
        yield from (backend.to for backend in connection.backends if backend.to is not None)


def in_order(destinations: Iterable[Destination]) -> list[Destination]:
    return sorted(destinations, key=lambda d: (d.port, d.subset))


def _port(mesh: MeshBuilder, port: PortRef) -> ServicePort | None:
    service = mesh.services.get(port.service)
    return service.port(port.port) if service is not None else None

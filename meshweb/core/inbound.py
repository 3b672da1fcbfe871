"""The inbound half of a sidecar: where it answers for its application, and who may call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from meshweb.core.builder import MeshBuilder
from meshweb.core.envoy.clusters import InboundCluster, inbound_cluster
from meshweb.core.envoy.inbound_routes import inbound_route_configuration
from meshweb.core.envoy.listeners import InboundListener, inbound_listener
from meshweb.core.gateway_peers import gateway_peers
from meshweb.core.intent import Intent, ProxyView
from meshweb.core.ir.inbound import InboundPort
from meshweb.core.ir.security import NO_GATEWAYS
from meshweb.core.ir.services import Workload
from meshweb.core.ir.sidecars import SidecarScope
from meshweb.core.providers import providers
from meshweb.core.resources import Resources
from meshweb.core.shared_limits import shared_by
from meshweb.core.snapshot import Section, XdsResource


@dataclass(frozen=True, slots=True)
class InboundSections:
    clusters: Section
    listeners: Section
    routes: Section
    limits: Section


class Inbound:
    """For the proxies that have equal `ports` and the same addresses."""

    def __init__(
        self, intent: Intent, mesh: MeshBuilder, resources: Resources, view: ProxyView, ports: tuple[InboundPort, ...]
    ) -> None:
        self._view = view
        self._resources = resources
        self._domain = intent.settings.trust_domain
        self._patience = mesh.detection_timeout_ms
        self._tells = view.namespace if mesh.denial_header else ""
        self._ports = ports
        self._providers = providers(mesh)

    def sections(self) -> InboundSections:
        return InboundSections(
            self._resources.section(self._clusters()),
            self._resources.section(self._listeners()),
            self._resources.section(self._routes()),
            self._resources.section(shared_by(port.limit for port in self._ports)),
        )

    def _clusters(self) -> Iterable[XdsResource]:
        for port in self._ports:
            app = port.app or (self._view.app_address, port.number)
            spec = InboundCluster(port.number, port.protocol, app, port.pool)
            yield self._resources.get(spec, lambda s=spec: inbound_cluster(s))  # type: ignore[misc]  # mypy: lambda default

    def _routes(self) -> Iterable[XdsResource]:
        for port in self._ports:
            if port.protocol.may_be_http:
                key = ("in-route", port, self._domain)
                yield self._resources.get(key, lambda p=port: inbound_route_configuration(p, self._domain))  # type: ignore[misc]  # mypy: lambda default

    def _listeners(self) -> Iterable[XdsResource]:
        for port in self._ports:
            spec = InboundListener(self._view.bind, port, self._domain, self._patience, self._tells, self._providers)
            yield self._resources.get(spec, lambda s=spec: inbound_listener(s))  # type: ignore[misc]  # mypy: lambda default


def inbound_ports(mesh: MeshBuilder, workload: Workload) -> tuple[InboundPort, ...]:
    """The ports of the services behind which the workload stands, or those that its Sidecar lists."""
    tokens = mesh.token_rules_of(workload)
    gateways = gateway_peers(mesh) if mesh.remote_readers else NO_GATEWAYS
    scoped = mesh.sidecar_of(workload)
    sidecar = scoped.value if scoped is not None else SidecarScope()
    if sidecar.ingress:
        return tuple(
            InboundPort(
                listener.port,
                listener.protocol,
                mesh.mtls.at(workload, listener.port)[0],
                mesh.policies_of(workload, listener.port),
                listener.endpoint,
                listener.pool or sidecar.pool,
                mesh.rate_limit_at(workload, listener.port),
                tokens,
                gateways,
            )
            for listener in sorted(sidecar.ingress, key=lambda listener: listener.port)
        )
    protocols = mesh.inbound_protocols(workload)
    return tuple(
        InboundPort(
            number,
            protocol,
            mesh.mtls.at(workload, number)[0],
            mesh.policies_of(workload, number),
            None,
            sidecar.pool,
            mesh.rate_limit_at(workload, number),
            tokens,
            gateways,
        )
        for number, protocol in protocols.items()
    )

"""Which routes hold on a gateway's server, by host."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from meshweb.core.intent import Document
from meshweb.core.ir.gateways import Gateway, GatewayRef, GatewayServer
from meshweb.core.ir.routing import ConnectionRule, RouteRule
from meshweb.core.ir.services import Workload

ServerKey = tuple[GatewayRef, str]


@dataclass(frozen=True, slots=True)
class HostRules:
    """What one document lays on one host pattern of one server, in its own order."""

    document: Document
    host: str
    rules: tuple[RouteRule, ...] = ()
    connections: tuple[ConnectionRule, ...] = ()


@dataclass(slots=True)
class GatewayTable:
    """Gateways and bindings come oldest first."""

    gateways: dict[GatewayRef, Gateway] = field(default_factory=dict)
    bindings: defaultdict[ServerKey, list[HostRules]] = field(default_factory=lambda: defaultdict(list))

    def bind(self, server: GatewayServer, rules: HostRules) -> None:
        self.bindings[server.gateway, server.name].append(rules)

    def of(self, server: GatewayServer) -> list[HostRules]:
        return self.bindings.get((server.gateway, server.name), [])

    def serving(self, workload: Workload) -> list[Gateway]:
        """The gateways that a gateway proxy serves, oldest first."""
        return [
            gateway
            for gateway in self.gateways.values()
            if gateway.namespace in {"", workload.namespace} and gateway.selector <= workload.labels
        ]

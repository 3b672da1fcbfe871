"""Which routes hold on a gateway's server, by host."""

from __future__ import annotations

import bisect
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from meshweb.core.intent import Document, DocumentKey
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

    _servers: defaultdict[DocumentKey, set[ServerKey]] = field(default_factory=lambda: defaultdict(set))

    def bind(self, server: GatewayServer, rules: HostRules) -> None:
        place = (server.gateway, server.name)
        bisect.insort(self.bindings[place], rules, key=_age)
        self._servers[rules.document.key].add(place)

    def touched_by(self, key: DocumentKey) -> bool:
        """Whether a document has rules on a gateway."""
        return bool(self._servers.get(key))

    def forget(self, key: DocumentKey) -> None:
        for place in self._servers.pop(key, ()):
            self.bindings[place] = [rules for rules in self.bindings[place] if rules.document.key != key]

    def of(self, server: GatewayServer) -> list[HostRules]:
        return self.bindings.get((server.gateway, server.name), [])

    def serving(self, workload: Workload) -> list[Gateway]:
        """The gateways that a gateway proxy serves, oldest first."""
        return [
            gateway
            for gateway in self.gateways.values()
            if gateway.namespace in {"", workload.namespace} and gateway.selector <= workload.labels
        ]


def _age(rules: HostRules) -> tuple[tuple[datetime, str, str], DocumentKey]:
    return (rules.document.age_order, rules.document.key)

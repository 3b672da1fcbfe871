"""Which RateLimit holds where. Documents come oldest first; of several for one target the oldest holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from meshweb.core.ir.gateways import GatewayRef, GatewayServer
from meshweb.core.ir.rate_limits import RateLimit
from meshweb.core.names import PortRef


@dataclass(slots=True)
class RateLimits:
    _ports: dict[PortRef, RateLimit] = field(default_factory=dict)
    _servers: dict[tuple[GatewayRef, str], RateLimit] = field(default_factory=dict)

    def put_on_port(self, port: PortRef, limit: RateLimit) -> RateLimit:
        """The one that holds: an older one, if there is one."""
        return self._ports.setdefault(port, limit)

    def put_on_server(self, server: GatewayServer, limit: RateLimit) -> RateLimit:
        """The one that holds: an older one, if there is one."""
        return self._servers.setdefault((server.gateway, server.name), limit)

    def of_port(self, port: PortRef) -> RateLimit | None:
        return self._ports.get(port)

    def of_server(self, server: GatewayServer) -> RateLimit | None:
        return self._servers.get((server.gateway, server.name))

"""A workload's own side."""

from __future__ import annotations

from dataclasses import dataclass

from meshweb.core.ir.rate_limits import RateLimit
from meshweb.core.ir.security import NO_GATEWAYS, GatewayPeers, MtlsMode, Policy, TokenRule
from meshweb.core.ir.services import Protocol
from meshweb.core.ir.traffic_policy import ConnectionPool


@dataclass(frozen=True, slots=True)
class InboundPort:
    """A port on which a sidecar answers for its application. app: where that listens itself, when not on the same port. pool: limits
    on the way to it. limit: how often requests may come. tokens: of end users, that requests may bring. gateways: where policies ask
    from where a request came, who is believed."""

    number: int
    protocol: Protocol
    mtls: MtlsMode
    policies: tuple[Policy, ...]
    app: tuple[str, int] | None = None
    pool: ConnectionPool | None = None
    limit: RateLimit | None = None
    tokens: tuple[TokenRule, ...] = ()
    gateways: GatewayPeers = NO_GATEWAYS

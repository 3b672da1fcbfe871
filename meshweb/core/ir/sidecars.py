"""What a sidecar receives and opens (Istio, "Sidecar")."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from meshweb.core.ir.routing import Destination
from meshweb.core.ir.services import Protocol
from meshweb.core.ir.traffic_policy import ConnectionPool


class OutboundPolicy(StrEnum):
    """What becomes of calls to hosts that no document names (Istio, OutboundTrafficPolicy)."""

    REGISTRY_ONLY = "REGISTRY_ONLY"
    ALLOW_ANY = "ALLOW_ANY"


@dataclass(frozen=True, slots=True)
class EgressHost:
    """`namespace`: of the service: a name, "*", "." (the sidecar's own) or "~" (none). `host`: full name or wildcard."""

    namespace: str
    host: str


@dataclass(frozen=True, slots=True)
class EgressListener:
    """Hosts that may be called, by `port` alone (None: by each of their ports)."""

    hosts: tuple[EgressHost, ...]
    excluded: tuple[EgressHost, ...] = ()
    port: int | None = None
    bind: str = ""


@dataclass(frozen=True, slots=True)
class IngressListener:
    """A port that the sidecar opens, and where the application answers for it ("127.0.0.1:80"; "" : the same port)."""

    port: int
    protocol: Protocol
    bind: str = ""
    endpoint: tuple[str, int] | None = None
    pool: ConnectionPool | None = None


@dataclass(frozen=True, slots=True)
class SidecarScope:
    """None: not said. ingress empty: the ports of the services, as without a Sidecar. egress_proxy: who takes calls to hosts that no
    document names, in mode ALLOW_ANY; None: DNS says where they go."""

    egress: tuple[EgressListener, ...] | None = None
    ingress: tuple[IngressListener, ...] = ()
    outbound: OutboundPolicy | None = None
    egress_proxy: Destination | None = None
    pool: ConnectionPool | None = None

"""What can be called, and who answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from meshweb.core.intent import EPOCH
from meshweb.core.names import ServiceRef

Labels = frozenset[tuple[str, str]]
Namespaces = frozenset[str] | None
"""Namespaces in which something is visible (Istio's `exportTo`); None: in all."""


class Protocol(StrEnum):
    """What is spoken on a port, as far as the proxies care. AUTO: the proxy looks at the first bytes; TLS: passed on as it is."""

    HTTP = "http"
    HTTP2 = "http2"
    GRPC = "grpc"
    TCP = "tcp"
    TLS = "tls"
    AUTO = "auto"

    @property
    def is_http(self) -> bool:
        """Certainly HTTP."""
        return self in {Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC}

    @property
    def may_be_http(self) -> bool:
        return self.is_http or self is Protocol.AUTO

    @property
    def speaks_http2(self) -> bool:
        return self in {Protocol.HTTP2, Protocol.GRPC}


class Resolution(StrEnum):
    """How endpoints are found (Istio, ServiceEntry.Resolution). STATIC: by documents; the others: by each proxy."""

    STATIC = "STATIC"
    DNS = "DNS"
    DNS_ROUND_ROBIN = "DNS_ROUND_ROBIN"
    DYNAMIC_DNS = "DYNAMIC_DNS"


@dataclass(frozen=True, slots=True)
class ServicePort:
    """`target` is a number, a name of a workload's port, or None for "the same number"."""

    number: int
    name: str
    protocol: Protocol
    target: int | str | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """One instance as its WorkloadEntry describes it. `ports`: (name, number) pairs, sorted."""

    namespace: str
    name: str
    address: str
    labels: Labels
    ports: tuple[tuple[str, int], ...]
    service_account: str
    weight: int
    locality: str
    healthy: bool

    @property
    def id(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one workload answers for one service port. `address`: an IP address, or a DNS name where the proxy resolves it. plain: it
    wants no mTLS (PeerAuthentication, DISABLE)."""

    address: str
    port: int
    weight: int
    healthy: bool
    locality: str = ""
    labels: Labels = frozenset()
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """A name in the mesh's register.

    external: beyond the mesh (Istio, MESH_EXTERNAL): called without mesh mTLS unless a DestinationRule says otherwise.
    listed: workloads that the document itself lists (ServiceEntry.endpoints); `selector` picks others by label.
    accounts: SPIFFE IDs or names that may answer, besides those of the workloads (ServiceEntry.subjectAltNames).
    addresses: what its callers may dial instead of the name (ServiceEntry.addresses).
    entry: name of the ServiceEntry that put it here; empty: a Service did.
    """

    ref: ServiceRef
    ports: tuple[ServicePort, ...]
    selector: Labels
    external: bool = False
    resolution: Resolution = Resolution.STATIC
    listed: tuple[Workload, ...] = ()
    accounts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    visible_in: Namespaces = None
    created: datetime = EPOCH
    entry: str = ""

    def port(self, number: int) -> ServicePort | None:
        return next((port for port in self.ports if port.number == number), None)

"""Every name that ends up in Envoy or in a certificate, made and read in one place.

The forms are Istio's (`outbound|8080||reviews.default.svc.cluster.local`), so that dumps, dashboards and habits carry over.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""RFC 1123 label."""

BLACKHOLE_CLUSTER = "unresolved-backend"
"""Never defined: a route to it answers 500, which is what Gateway API asks of a backendRef that refers to nothing."""

PASSTHROUGH_CLUSTER = "PassthroughCluster"

FILE_CERTIFICATE, FILE_ROOTS = "file-cert:", "file-root:"
"""Secrets that the agent reads from files of its machine (Istio's names): `file-cert:<certificate>~<key>`, `file-root:<file>`."""
ROOTS_SUFFIX = "-cacert"
"""Behind the name of a Secret: its `ca.crt` (Istio)."""

GATEWAY_LABELS = ("gateway.networking.k8s.io/gateway-name", "istio")
"""By one of them a WorkloadGroup names the gateway that its machines may be."""

PROXY_LISTENER = "proxy"
PROXY_PORT = 15001
EXPLICIT_FIRST_PORT = 20001
EXPLICIT_PORTS = 12_000  # 20001..32000, below Linux' ephemeral range (32768..)


@dataclass(frozen=True, slots=True, order=True)
class ServiceRef:
    """A service by namespace and name. A name with a dot is a host of its own (of a ServiceEntry), possibly a wildcard."""

    namespace: str
    name: str

    @property
    def is_host(self) -> bool:
        return "." in self.name or "*" in self.name

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class PortRef:
    """A port of a service."""

    service: ServiceRef
    port: int


def is_dns_label(text: str) -> bool:
    return DNS_LABEL.fullmatch(text) is not None


def service_host(service: ServiceRef, dns_suffix: str) -> str:
    return service.name if service.is_host else f"{service.name}.{service.namespace}.{dns_suffix}"


def service_aliases(service: ServiceRef, dns_suffix: str) -> tuple[str, ...]:
    """The names by which a caller may call a service, longest last (Istio: short names resolve in the caller's namespace;
    the bare name is left to the caller's own route table)."""
    if service.is_host:
        return (service.name,)
    return (f"{service.name}.{service.namespace}", f"{service.name}.{service.namespace}.svc", service_host(service, dns_suffix))


def outbound(port: PortRef, dns_suffix: str, subset: str = "") -> str:
    """Name of the cluster, listener and route configuration of a service port, as a caller sees it."""
    return f"outbound|{port.port}|{subset}|{service_host(port.service, dns_suffix)}"


def outbound_stat(port: PortRef) -> str:
    """Name in statistics: no dots (Envoy splits tags there), unambiguous because labels hold none of `~`, `/` and `+`."""
    return f"outbound~{port.service.namespace}~{port.service.name.replace('.', '+')}~{port.port}"


def server_name(port: PortRef, dns_suffix: str, subset: str = "") -> str:
    """SNI between sidecars (Istio's form)."""
    return f"outbound_.{port.port}_.{subset}_.{service_host(port.service, dns_suffix)}"


def inbound_cluster(port: int) -> str:
    return f"inbound|{port}||"


def inbound_listener(port: int) -> str:
    return f"inbound|{port}"


def spiffe_id(trust_domain: str, namespace: str, service_account: str) -> str:
    return f"spiffe://{trust_domain}/ns/{namespace}/sa/{service_account}"


def namespace_of(identity: str) -> str:
    """Of a SPIFFE ID as `spiffe_id` makes it; empty: it has another form."""
    parts = identity.split("/")
    return parts[4] if len(parts) == 7 and (parts[0], parts[3], parts[5]) == ("spiffe:", "ns", "sa") else ""


def explicit_port(index: int) -> int:
    """Local port of the `index`-th service port in mode explicit. Raises ValueError when the range is used up."""
    if not 0 <= index < EXPLICIT_PORTS:
        raise ValueError(f"there are only {EXPLICIT_PORTS} local ports for services, index {index} is past them")
    return EXPLICIT_FIRST_PORT + index


def loopback_address(loopback_range: str, index: int) -> str:
    """Local address of the `index`-th service in mode loopback; the first is .0.1. Raises ValueError when the range is used up."""
    network = ipaddress.ip_network(loopback_range)
    offset = index + 1
    if offset >= network.num_addresses - 1:
        raise ValueError(f"{loopback_range} has no address left for service number {index}")
    return str(network.network_address + offset)

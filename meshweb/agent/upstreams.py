"""Where the application has to call: for each service port the local address, read from the listeners that Envoy holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from meshweb.agent.book import CLUSTER, LISTENER
from meshweb.agent.store import Snapshot
from meshweb.protos import message

PROXY_LISTENER = "proxy"


@dataclass(frozen=True, slots=True, order=True)
class Upstream:
    """`service`: "<namespace>/<name>", or "*" for the line of mode proxy."""

    service: str
    port: int | None
    address: str
    host: str


def service_port(name: str) -> tuple[str, str, int] | None:
    """("<namespace>/<service>", host, port) of `outbound|<port>||<service>.<namespace>.<suffix>`; None for other names."""
    parts = name.split("|")
    labels = parts[-1].split(".")
    if len(parts) != 4 or parts[0] != "outbound" or not parts[1].isdigit() or len(labels) < 2:
        return None
    return f"{labels[1]}/{labels[0]}", parts[3], int(parts[1])


def read(snapshot: Snapshot) -> list[Upstream]:
    """Sorted by service and port."""
    found = []
    for name, held in snapshot.get(LISTENER, {}).items():
        listener = _inner(held.resource, "envoy.config.listener.v3.Listener")
        address = listener.address.socket_address
        local = f"{address.address}:{address.port_value}"
        service = service_port(name)
        if service is not None:
            found.append(Upstream(service[0], service[2], local, service[1]))
        elif name == PROXY_LISTENER:
            found.append(Upstream("*", None, local, "HTTP proxy and CONNECT, by host name"))
    return sorted(found, key=lambda upstream: (upstream.service, upstream.port or 0))


def rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [asdict(upstream) for upstream in read(snapshot)]


def mutual_tls(snapshot: Snapshot) -> dict[tuple[str, int], bool]:
    """Whether calls of a service port leave with mTLS, by the transport socket of its cluster."""
    found = {}
    for name, held in snapshot.get(CLUSTER, {}).items():
        service = service_port(name)
        if service is not None:
            cluster = _inner(held.resource, "envoy.config.cluster.v3.Cluster")
            found[service[0], service[2]] = cluster.transport_socket.name == "envoy.transport_sockets.tls"
    return found


def _inner(resource: bytes, name: str) -> Any:
    return message(name).FromString(message("envoy.service.discovery.v3.Resource").FromString(resource).resource.value)

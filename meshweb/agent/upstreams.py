"""Where the application has to call: for each service port the local address, read from the listeners that Envoy holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from meshweb.agent.book import CLUSTER, LISTENER
from meshweb.agent.secrets import CERTIFICATE
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


def service_port(stat: str) -> tuple[str, int] | None:
    """("<namespace>/<service>", port) of the statistics' name `outbound~<namespace>~<service>~<port>`, in which `+` stands for the
    dots of a host; None for other names."""
    parts = stat.split("~")
    if len(parts) != 4 or parts[0] != "outbound" or not parts[3].isdigit():
        return None
    return f"{parts[1]}/{parts[2].replace('+', '.')}", int(parts[3])


def read(snapshot: Snapshot) -> list[Upstream]:
    """Sorted by service and port."""
    found = []
    for name, held in snapshot.get(LISTENER, {}).items():
        listener = inner(held.resource, "envoy.config.listener.v3.Listener")
        address = listener.address.socket_address
        local = f"{address.address}:{address.port_value}"
        service = service_port(listener.stat_prefix)
        if service is not None:
            found.append(Upstream(*service, local, name.rpartition("|")[2]))
        elif name == PROXY_LISTENER:
            found.append(Upstream("*", None, local, "HTTP proxy and CONNECT, by host name"))
    return sorted(found, key=lambda upstream: (upstream.service, upstream.port or 0))


def rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [asdict(upstream) for upstream in read(snapshot)]


def mutual_tls(snapshot: Snapshot) -> dict[tuple[str, int], bool]:
    """Whether all calls of a service port leave with the mesh's mTLS: with this VM's own certificate, and not plain to some endpoint."""
    found: dict[tuple[str, int], bool] = {}
    for held in snapshot.get(CLUSTER, {}).values():
        cluster = inner(held.resource, "envoy.config.cluster.v3.Cluster")
        service = service_port(cluster.alt_stat_name)
        if service is not None:
            encrypted = _presents_own_certificate(cluster.transport_socket) and not cluster.transport_socket_matches
            found[service] = found.get(service, True) and encrypted
    return found


def _presents_own_certificate(socket: Any) -> bool:
    if socket.name != "envoy.transport_sockets.tls":
        return False
    context = message("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext").FromString(socket.typed_config.value)
    return any(config.name == CERTIFICATE for config in context.common_tls_context.tls_certificate_sds_secret_configs)


def inner(resource: bytes, name: str) -> Any:
    """The message of type `name` in a serialized Resource."""
    return message(name).FromString(message("envoy.service.discovery.v3.Resource").FromString(resource).resource.value)

"""What became of a route at each of its parents, and of each listener of a Gateway (Gateway API, RouteParentStatus, ListenerStatus)."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from meshweb.core.conditions import Condition, ConditionType
from meshweb.core.gateway_table import GatewayTable
from meshweb.core.intent import DocumentKey
from meshweb.core.ir.gateways import Gateway, GatewayServer, ServerProtocol
from meshweb.core.ir.services import Workload

_KINDS: Mapping[ServerProtocol, tuple[str, ...]] = {
    ServerProtocol.HTTP: ("HTTPRoute", "GRPCRoute"),
    ServerProtocol.HTTPS: ("HTTPRoute", "GRPCRoute"),
    ServerProtocol.TLS: ("TLSRoute", "TCPRoute"),
    ServerProtocol.TCP: ("TCPRoute",),
}


@dataclass(frozen=True, slots=True)
class ParentStatus:
    """`port` None and `section` empty: not named by the route."""

    group: str
    kind: str
    namespace: str
    name: str
    section: str
    port: int | None
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class ListenerStatus:
    """`attached`: how many routes it has."""

    name: str
    kinds: tuple[str, ...]
    attached: int
    conditions: tuple[Condition, ...]


Listeners = Mapping[DocumentKey, tuple[ListenerStatus, ...]]


def listener_statuses(table: GatewayTable, workloads: Collection[Workload], secrets: Container[str]) -> Listeners:
    """By the document of each Gateway. secrets: "namespace/name" of those that are there."""
    conflicts = _conflicts(table, workloads)
    found: dict[DocumentKey, tuple[ListenerStatus, ...]] = {}
    for ref, gateway in table.gateways.items():
        namespaces = {w.namespace for w in workloads if gateway.namespace in {"", w.namespace} and gateway.selector <= w.labels}
        found[DocumentKey(ref.kind, ref.namespace, ref.name)] = tuple(
            _status(table, server, conflicts.get((ref, server.name)), server.problem or _missing(server, namespaces, secrets))
            for server in gateway.servers
        )
    return found


def _missing(server: GatewayServer, namespaces: Iterable[str], secrets: Container[str]) -> tuple[str, str] | None:
    """A Secret that one of the proxies does not find in its own namespace."""
    wanted = [] if server.tls is None else [*(pair.secret for pair in server.tls.certificates), server.tls.ca_secret]
    for namespace in sorted(namespaces):
        for name in wanted:
            own = f"{namespace}/{name[2:]}"
            if name.startswith("./") and own not in secrets:
                return "InvalidCertificateRef", f"there is no Secret {own}: proxies of {namespace} answer nobody here"
    return None


def _status(
    table: GatewayTable, server: GatewayServer, conflict: tuple[str, str] | None, problem: tuple[str, str] | None
) -> ListenerStatus:
    attached = {binding.document.key for binding in table.of(server)}
    kinds = server.kinds or (_KINDS[server.protocol] if server.gateway.kind == "Gateway" else ("VirtualService",))
    accepted = Condition.accepted() if conflict is None else Condition.not_accepted(*conflict)
    lost = Condition(ConditionType.CONFLICTED, "False", "NoConflicts")
    resolved = Condition.resolved() if problem is None else Condition.unresolved(*problem)
    conditions = (accepted, lost if conflict is None else Condition.conflicted(*conflict), resolved)
    return ListenerStatus(server.name, kinds, len(attached), conditions)


def _conflicts(table: GatewayTable, workloads: Iterable[Workload]) -> Mapping[object, tuple[str, str]]:
    """Servers that cannot stand beside an older one on a proxy that serves both, with reason and message."""
    found: dict[object, tuple[str, str]] = {}
    seen: set[tuple[object, ...]] = set()
    for workload in workloads:
        gateways = table.serving(workload)
        together = tuple(gateway.ref for gateway in gateways)
        if len(gateways) > 1 and together not in seen:
            seen.add(together)
            found.update(_losers(gateways))
    return found


def _losers(gateways: Sequence[Gateway]) -> Iterator[tuple[object, tuple[str, str]]]:
    sorts: dict[tuple[str, int], GatewayServer] = {}
    hosts: dict[tuple[str, int, str], GatewayServer] = {}
    for server in (server for gateway in gateways for server in gateway.servers):
        place = (server.bind, server.port)
        first = sorts.setdefault(place, server)
        if sort_of(first) != sort_of(server):
            words = f"port {server.port} serves {first.protocol} for the older Gateway {first.gateway} ({first.name})"
            yield (server.gateway, server.name), ("ProtocolConflict", words)
            continue
        if server.tls is None and server.takes_requests:
            continue  # plain HTTP servers share their hosts
        for _, host in server.hosts:
            older = hosts.setdefault((*place, host), server)
            if older.gateway != server.gateway:
                words = f"{host} on port {server.port} belongs to the older Gateway {older.gateway} ({older.name})"
                yield (server.gateway, server.name), ("HostnameConflict", words)


def compatible(servers: Iterable[GatewayServer]) -> list[GatewayServer]:
    """Of servers on one port that cannot stand side by side, those of the oldest's sort: plain HTTP, TLS, or one TCP."""
    sorts: dict[tuple[str, int], str] = {}
    found = []
    for server in servers:
        place = (server.bind, server.port)
        if sorts.setdefault(place, sort_of(server)) == sort_of(server):
            found.append(server)
    return found


def sort_of(server: GatewayServer) -> str:
    if server.protocol is ServerProtocol.HTTP:
        return "http"
    return "tls" if server.tls is not None else "tcp"

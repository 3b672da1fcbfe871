"""The graph of a window: services and who calls whom, judged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from meshweb.core.builder import MeshBuilder
from meshweb.core.caller import Caller
from meshweb.core.ir.routing import CATCH_ALL
from meshweb.core.matching import takes_all_of
from meshweb.core.names import PortRef, ServiceRef
from meshweb.core.topology import Health, judge, node_verdict
from meshweb.store.mesh import current_mesh
from meshweb.store.models import Proxy, TelemetryReport
from meshweb.telemetry import traffic
from meshweb.telemetry.histogram import quantile, total
from meshweb.telemetry.traffic import Pair, Sums, Window

UNKNOWN = "unknown"
_RECENT = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Workloads:
    total: int
    healthy: int
    connected: int


@dataclass(frozen=True, slots=True)
class Version:
    """One backend of a service's main route: wanted share by its weight, and the share that was seen."""

    service: str
    label: str
    weight: float
    share: float | None
    sums: Sums


@dataclass(frozen=True, slots=True)
class Node:
    """`kind`: service, external (a host beyond the mesh), workload (calls but serves nothing) or unknown. `received`: what its callers
    counted."""

    id: str
    kind: str
    health: Health
    reason: str
    received: Sums
    workloads: Workloads
    versions: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    source: str
    destination: str
    sums: Sums
    health: Health
    reason: str


@dataclass(frozen=True, slots=True)
class Topology:
    """`telemetry_at`: newest report of any proxy; `reporting`: proxies whose last report is younger than 20 s."""

    window: Window
    revision: int
    telemetry_at: datetime | None
    reporting: int
    connected: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def topology(window: Window, namespace: str = "") -> Topology:
    """`namespace`: only edges that touch it, and its services. Empty: everything."""
    current = current_mesh().read()
    revision, mesh = current.intent.revision, current.mesh
    edges, backends = traffic.edges(window), traffic.backends(window)
    usual = traffic.usual(window.start)
    proxies = {row.id: row for row in Proxy.objects.filter(revoked_at=None).only("id", "stream", "health_state", "health_at")}
    shown = {pair: sums for pair, sums in edges.items() if not namespace or any(_in(name, namespace) for name in pair)}
    ids = _node_ids(mesh, shown, namespace)
    arriving: defaultdict[str, dict[str, Sums]] = defaultdict(dict)
    for (source, destination), sums in edges.items():
        arriving[destination][source] = sums
    recent = timezone.now() - _RECENT
    return Topology(
        window=window,
        revision=revision,
        telemetry_at=newest_report(),
        reporting=sum(row.health_at is not None and row.health_at > recent for row in proxies.values()),
        connected=sum(row.connected for row in proxies.values()),
        nodes=tuple(_node(mesh, name, arriving.get(name, {}), backends, usual, proxies) for name in ids),
        edges=tuple(_edge(pair, sums, usual) for pair, sums in sorted(shown.items())),
    )


def newest_report() -> datetime | None:
    """When the last report of any proxy came."""
    found: datetime | None = TelemetryReport.objects.aggregate(at=Max("last_at"))["at"]
    return found


def _in(name: str, namespace: str) -> bool:
    return name.partition("/")[0] == namespace


def _node_ids(mesh: MeshBuilder, edges: Mapping[Pair, Sums], namespace: str) -> list[str]:
    """Everything on an edge, and every service that is not merely a backend of another one's route."""
    touched = {name for pair in edges for name in pair}
    behind = merely_backends(mesh)
    services = {str(ref) for ref in mesh.services if ref not in behind and (not namespace or ref.namespace == namespace)}
    return sorted(touched | services)


def merely_backends(mesh: MeshBuilder) -> set[ServiceRef]:
    """Services to which routes of other services lead."""
    return {
        backend.to.port.service
        for port, bindings in mesh.routing.requests.items()
        for binding in bindings
        for rule in binding.rules
        for backend in rule.backends
        if backend.to is not None and backend.to.port.service != port.service
    }


def _ref(name: str) -> ServiceRef:
    namespace, _, rest = name.partition("/")
    return ServiceRef(namespace, rest)


def _node(
    mesh: MeshBuilder,
    name: str,
    arriving: Mapping[str, Sums],
    backends: Mapping[Pair, Sums],
    usual: Mapping[Pair, list[int]],
    proxies: Mapping[str, Proxy],
) -> Node:
    received, before = Sums(), []
    for source, sums in arriving.items():
        received.merge(sums)
        before.append(usual.get((source, name), []))
    service = mesh.services.get(_ref(name))
    verdict = judge(received.traffic(quantile(total(h for h in before if h), 0.95)))
    if service is None:
        kind = "workload" if "/" in name else UNKNOWN
        return Node(name, kind, "idle" if not received.requests else verdict.health, "", received, _alone(name, proxies), ())
    if service.external:
        return Node(name, "external", verdict.health, verdict.reason, received, Workloads(0, 0, 0), ())
    workloads = _workloads(mesh, name, proxies)
    verdict = node_verdict(verdict, workloads.total, workloads.healthy)
    return Node(name, "service", verdict.health, verdict.reason, received, workloads, _versions(mesh, service.ref, backends))


def _alone(name: str, proxies: Mapping[str, Proxy]) -> Workloads:
    row = proxies.get(name)
    if row is None:
        return Workloads(0, 0, 0)
    return Workloads(1, int(row.health_state != "unhealthy"), int(row.connected))


def _workloads(mesh: MeshBuilder, name: str, proxies: Mapping[str, Proxy]) -> Workloads:
    found = mesh.behind(mesh.services[_ref(name)])
    connected = sum(w.id in proxies and proxies[w.id].connected for w in found)
    return Workloads(len(found), sum(w.healthy for w in found), connected)


def _versions(mesh: MeshBuilder, ref: ServiceRef, backends: Mapping[Pair, Sums]) -> tuple[Version, ...]:
    """Backends of the route that takes what no narrower one took: where traffic is shifted."""
    weights: defaultdict[ServiceRef, int] = defaultdict(int)
    for port in mesh.services[ref].ports:
        rules = mesh.routing.routes(PortRef(ref, port.number), Caller(ref.namespace))
        main = next((rule for rule in rules if takes_all_of(rule.match, CATCH_ALL)), None)
        for backend in main.backends if main is not None else ():
            if backend.to is not None:
                weights[backend.to.port.service] += backend.weight
    all_weights = sum(weights.values())
    if not weights or set(weights) == {ref}:
        return ()
    seen: dict[ServiceRef, Sums] = {}
    for backend_ref in weights:
        seen[backend_ref] = Sums()
        for (_, backend_name), sums in backends.items():
            if backend_name == str(backend_ref):
                seen[backend_ref].merge(sums)
    requests = sum(sums.requests for sums in seen.values())
    return tuple(
        Version(
            str(backend_ref),
            _label(mesh, backend_ref),
            weight / all_weights if all_weights else 0.0,
            seen[backend_ref].requests / requests if requests else None,
            seen[backend_ref],
        )
        for backend_ref, weight in sorted(weights.items())
    )


def _label(mesh: MeshBuilder, ref: ServiceRef) -> str:
    """The version label that the service selects by, or its name."""
    service = mesh.services.get(ref)
    return dict(service.selector).get("version", ref.name) if service is not None else ref.name


def _edge(pair: Pair, sums: Sums, usual: Mapping[Pair, list[int]]) -> Edge:
    verdict = judge(sums.traffic(quantile(usual[pair], 0.95) if pair in usual else None))
    return Edge(*pair, sums, verdict.health, verdict.reason)

"""How callers see endpoints: what their proxies reported, kept as it is now, and put together by workload."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from meshweb.core.builder import MeshBuilder, workload_port
from meshweb.core.ir.services import Workload
from meshweb.core.names import ServiceRef
from meshweb.store.models import EndpointHealth, Proxy

Place = tuple[str, int, str]
"""("<namespace>/<service>", port of the service, "<address>:<port>")."""
MAX_SIGHTS = 20
"""Callers that are named for one workload; the numbers count all."""
HEALTHY = "healthy"


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything that one proxy calls or checks, at one time."""

    states: Mapping[Place, str]
    at: datetime


@dataclass(frozen=True, slots=True)
class SeenEndpoint:
    """How a caller sees an endpoint. `at`: when it last looked."""

    caller: str
    service: str
    port: int
    address: str
    state: str
    since: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """By callers that looked lately. `healthy` of them see it so at every address; `at`: the oldest look, None: nobody looked.
    `out`: who does not, and how, longest first."""

    callers: int
    healthy: int
    at: datetime | None
    out: tuple[SeenEndpoint, ...]


@dataclass(frozen=True, slots=True)
class WorkloadFacts:
    """`proxy` None: nobody joined for it."""

    workload: Workload
    services: tuple[str, ...]
    proxy: Proxy | None
    seen: Seen


def store(sights: Mapping[str, Sight]) -> None:
    """By proxy. What a proxy does not name any more goes; what did not change stays untouched. Inside the caller's transaction, which
    holds the proxies' rows."""
    if not sights:
        return
    known: defaultdict[str, dict[Place, EndpointHealth]] = defaultdict(dict)
    for row in EndpointHealth.objects.filter(proxy_id__in=sights):
        known[row.proxy_id][row.service, row.port, row.address] = row
    made: list[EndpointHealth] = []
    changed: list[EndpointHealth] = []
    gone: list[int] = []
    for proxy, sight in sights.items():
        rows = known[proxy]
        gone += [row.id for place, row in rows.items() if place not in sight.states]
        for place, state in sight.states.items():
            row_ = rows.get(place)
            if row_ is None:
                service, port, address = place
                made.append(
                    EndpointHealth(proxy_id=proxy, service=service, port=port, address=address, state=state, since=sight.at)
                )
            elif row_.state != state:
                row_.state, row_.since = state, sight.at
                changed.append(row_)
    if gone:
        EndpointHealth.objects.filter(id__in=gone).delete()
    EndpointHealth.objects.bulk_create(made, batch_size=500)
    EndpointHealth.objects.bulk_update(changed, ["state", "since"], batch_size=500)


def lately() -> datetime:
    """A look that is older says nothing about now: three reports were missed, or a minute went by."""
    return timezone.now() - timedelta(seconds=max(60.0, 3 * settings.REPORT_SECONDS))


def of_proxy(proxy: Proxy) -> list[SeenEndpoint]:
    """What a proxy calls or checks, those that are out first. As it was when it last looked, however long ago."""
    if proxy.endpoints_at is None:
        return []
    rows = EndpointHealth.objects.filter(proxy=proxy).order_by("service", "port", "address")
    found = [_seen(row, proxy.endpoints_at) for row in rows]
    return sorted(found, key=lambda seen: seen.state == HEALTHY)


def workloads(mesh: MeshBuilder, places: Sequence[tuple[str, str]]) -> list[WorkloadFacts]:
    """Of the workloads (namespace, name) that there are, in a fixed number of queries."""
    found = [workload for place in places if (workload := mesh.workloads.get(place)) is not None]
    proxies = {row.id: row for row in Proxy.objects.filter(id__in=[w.id for w in found], revoked_at=None)}
    services = {w.id: mesh.services_of(w) for w in found}
    owners: defaultdict[Place, list[str]] = defaultdict(list)
    for workload in found:
        for service in services[workload.id]:
            for port in service.ports:
                address = f"{workload.address}:{workload_port(workload, port)}"
                owners[str(service.ref), port.number, address].append(workload.id)
    sights: defaultdict[str, list[SeenEndpoint]] = defaultdict(list)
    for seen in _lately_seen({place[0] for place in owners}):
        for owner in owners.get((seen.service, seen.port, seen.address), ()):
            sights[owner].append(seen)
    return [
        WorkloadFacts(
            w, tuple(str(service.ref) for service in services[w.id]), proxies.get(w.id), _together(sights.get(w.id, []))
        )
        for w in found
    ]


def names_behind(mesh: MeshBuilder, service: str) -> list[str]:
    """Names of the workloads (of its namespace) that a service's selector picks; none for a service that does not exist."""
    namespace, _, name = service.partition("/")
    found = mesh.services.get(ServiceRef(namespace, name))
    return [workload.name for workload in mesh.selected_by(found)] if found is not None else []


def _lately_seen(services: Collection[str]) -> list[SeenEndpoint]:
    rows = EndpointHealth.objects.filter(
        service__in=services, proxy__revoked_at=None, proxy__endpoints_at__gt=lately()
    ).select_related("proxy")
    return [_seen(row, at) for row in rows if (at := row.proxy.endpoints_at) is not None]


def _seen(row: EndpointHealth, at: datetime) -> SeenEndpoint:
    return SeenEndpoint(row.proxy_id, row.service, row.port, row.address, row.state, row.since, at)


def _together(sights: Sequence[SeenEndpoint]) -> Seen:
    callers = {seen.caller for seen in sights}
    out = sorted((seen for seen in sights if seen.state != HEALTHY), key=lambda s: (s.since, s.caller, s.service, s.port))
    oldest = min((seen.at for seen in sights), default=None)
    return Seen(len(callers), len(callers - {seen.caller for seen in out}), oldest, tuple(out[:MAX_SIGHTS]))

"""Policies that would admit whom telemetry saw, with what speaks for them and what telemetry cannot know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Min

from meshweb.core.builder import workload_port
from meshweb.core.ir.services import Service
from meshweb.core.names import ServiceRef
from meshweb.core.reach import Map, Reach
from meshweb.core.suggestions import SeenCaller, Suggestion, general_service, suggest
from meshweb.store.mesh import current_mesh
from meshweb.store.models import TelemetryReport
from meshweb.telemetry import called_ports
from meshweb.telemetry.access import departed
from meshweb.telemetry.calls import arrived, calls
from meshweb.telemetry.traffic import Window


@dataclass(slots=True)
class Evidence:
    """What is known of one caller of a service. ports: of the workloads. denied: of its calls, as the servers counted them."""

    caller: str
    identities: tuple[str, ...]
    requests: int = 0
    denied: int = 0
    plain: int = 0
    last: datetime | None = None
    ports: set[int] = field(default_factory=set)

    @property
    def named(self) -> bool:
        """Whether a policy can name it."""
        return all(self.identities) and bool(self.identities) and (not self.plain or self.plain < self.requests)


@dataclass(frozen=True, slots=True)
class Suggested:
    """admitted: whom the policy names. nameless: who called and has no identity that a policy could name. refused: who called and was not
    let through."""

    service: Service
    suggestion: Suggestion
    admitted: tuple[Evidence, ...]
    nameless: tuple[Evidence, ...]
    refused: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Suggestions:
    """`since`: when telemetry begins, where that is later than the window does."""

    window: Window
    revision: int
    since: datetime | None
    items: tuple[Suggested, ...]


def suggestions(window: Window, *, namespace: str = "", service: str = "", enforce: bool = False) -> Suggestions:
    """One for each service that was called. Empty: all."""
    current = current_mesh().read()
    access = Map(current.mesh)
    span = f"{window.start:%Y-%m-%dT%H:%M:%SZ}/{window.end:%Y-%m-%dT%H:%M:%SZ}"
    items = []
    for called, found in sorted(_Gathered(access, window).by_service.items()):
        if namespace in {"", called.namespace} and service in {"", str(called)}:
            items.append(_suggested(access, current.mesh.services[called], found, enforce=enforce, span=span))
    begun = TelemetryReport.objects.aggregate(first=Min("start"))["first"]
    since = begun if begun is not None and begun > window.start else None
    return Suggestions(window, current.intent.revision, since, tuple(items))


def _suggested(access: Map, service: Service, found: Mapping[str, Evidence], *, enforce: bool, span: str) -> Suggested:
    nameless, refused, admitted = [], [], []
    for evidence in sorted(found.values(), key=lambda item: item.caller):
        reached = access.reached(evidence.identities, service, routed=False)
        if reached.reach is Reach.NEVER or evidence.denied >= evidence.requests:
            refused.append(evidence)
        elif evidence.named:
            admitted.append(evidence)
        else:
            nameless.append(evidence)
    # What was counted before ports were: any of them.
    every = {place.port for place in access.places(service, routed=False)}
    seen = [SeenCaller(item.caller, item.identities, frozenset(item.ports or every)) for item in admitted]
    suggestion = suggest(access, service, seen, enforce=enforce, span=span)
    return Suggested(service, suggestion, tuple(admitted), tuple(nameless), tuple(refused))


class _Gathered:
    """By service that a policy would be for: the most general one of the workloads that calls arrived at, under whatever name."""

    def __init__(self, access: Map, window: Window) -> None:
        self._access = access
        self.by_service: defaultdict[ServiceRef, dict[str, Evidence]] = defaultdict(dict)
        observed, backends = calls(window), arrived(window)
        self._identities = self._known({source for source, _ in (*observed, *backends)})
        ports = called_ports.since(window.start)
        for (source, backend), found in backends.items():
            for service, numbers in self._behind(backend, ports.get((source, backend), frozenset())).items():
                evidence = self._evidence(service, source)
                evidence.requests += found.requests
                evidence.last = max(filter(None, (evidence.last, found.last)))
                evidence.ports |= numbers
        for (source, destination), found in observed.items():
            if found.plain:
                for service in self._led_to(destination):
                    self._evidence(service, source).plain += found.plain
            # Denials are counted under the name of the most general service by the server itself.
            if found.denied and _ref(destination) in access.mesh.services:
                evidence = self._evidence(_ref(destination), source)
                evidence.denied += found.denied
                evidence.last = max(filter(None, (evidence.last, found.last)))

    def _known(self, sources: Iterable[str]) -> dict[str, tuple[str, ...]]:
        callers = self._access.callers
        gone = {row.name: row.identities for row in departed(source for source in sources if source not in callers)}
        return gone | {name: caller.identities for name, caller in callers.items()}

    def _evidence(self, service: ServiceRef, source: str) -> Evidence:
        return self.by_service[service].setdefault(source, Evidence(source, self._identities[source]))

    def _behind(self, backend: str, numbers: frozenset[int]) -> dict[ServiceRef, set[int]]:
        """Whom calls to ports of a backend concern, and at which ports of their workloads."""
        answering = self._access.mesh.services.get(_ref(backend))
        found: defaultdict[ServiceRef, set[int]] = defaultdict(set)
        if answering is None or answering.external:
            return found
        ports = [port for port in answering.ports if port.number in numbers]
        for workload in self._access.mesh.behind(answering):
            service = general_service(self._access, workload)
            if service is not None:
                found[service.ref] |= {workload_port(workload, port) for port in ports}
        return found

    def _led_to(self, destination: str) -> Iterator[ServiceRef]:
        """Whom calls to a service may have reached."""
        service = self._access.mesh.services.get(_ref(destination))
        if service is not None and not service.external:
            led = {answering.ref for port in service.ports for answering, _ in self._access.answering(service, port)}
            yield from {ref for backend in led for ref in self._behind(str(backend), frozenset())}


def _ref(name: str) -> ServiceRef:
    namespace, _, rest = name.partition("/")
    return ServiceRef(namespace, rest)

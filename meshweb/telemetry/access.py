"""Who may call whom, beside who did: the documents' word and the traffic of a window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from meshweb.core.builder import MeshBuilder
from meshweb.core.ir.services import Service
from meshweb.core.reach import Caller, Map, Reach, Reached
from meshweb.core.reach_changes import SeenEdge
from meshweb.store.mesh import current_mesh
from meshweb.store.models import Proxy
from meshweb.telemetry.calls import Calls, calls
from meshweb.telemetry.topology import merely_backends
from meshweb.telemetry.traffic import Pair, Window

State = Literal["allowed", "undeclared", "denied", "unused", "open"]
"""allowed: let through because a document says so. undeclared: let through because nothing speaks. denied: not let through, or tried and
never let through. unused, open: would be let through for the one reason or the other, and nobody calls."""
Kind = Literal["service", "workload", "unknown"]


@dataclass(frozen=True, slots=True)
class Cell:
    """`calls` None: none in the window."""

    caller: str
    service: str
    reached: Reached
    state: State
    calls: Calls | None


@dataclass(frozen=True, slots=True)
class Row:
    """A caller. unknown: who has no certificate, or one that no proxy of the mesh has."""

    name: str
    kind: Kind
    identities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """`cells`: of each row with each column. `workloads`: behind each service. `following`: name of the last service, when there are
    more; `services`: how many there are; `left_out`: rows that are not shown, those with the least to look at."""

    window: Window
    revision: int
    rows: tuple[Row, ...]
    columns: tuple[Service, ...]
    workloads: Mapping[str, int]
    cells: tuple[Cell, ...]
    following: str | None
    services: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Empty: all. limit: of rows and of columns. after: the service behind which to go on."""

    namespace: str = ""
    service: str = ""
    caller: str = ""
    limit: int = 50
    after: str = ""


def matrix(window: Window, asked: Asked) -> Matrix:
    current = current_mesh().read()
    observed = calls(window)
    return _Matrix(Map(current.mesh), observed).of(window, current.intent.revision, asked)


class _Matrix:
    def __init__(self, access: Map, observed: Mapping[Pair, Calls]) -> None:
        self._access = access
        self._observed = observed

    def of(self, window: Window, revision: int, asked: Asked) -> Matrix:
        columns = [service for service in called(self._access.mesh, self._observed) if _is_asked(service, asked)]
        page = [service for service in columns if str(service.ref) > asked.after]
        shown = page[: asked.limit]
        rows = [row for row in self._rows() if not asked.caller or row.name == asked.caller]
        cells = {row.name: [self._cell(row, service) for service in shown] for row in rows}
        rows.sort(key=lambda row: (min(map(_attention, cells[row.name]), default=9), row.name))
        kept = tuple(rows[: asked.limit])
        return Matrix(
            window,
            revision,
            kept,
            tuple(shown),
            {str(service.ref): len(self._access.mesh.behind(service)) for service in shown},
            tuple(cell for row in kept for cell in cells[row.name]),
            str(shown[-1].ref) if len(page) > len(shown) else None,
            len(columns),
            len(rows) - len(kept),
        )

    def _rows(self) -> list[Row]:
        """Everybody in the mesh, and who called and is not there any more."""
        known = self._access.callers
        gone = {source for source, _ in self._observed} - known.keys()
        return [*(_row(caller) for caller in known.values()), *departed(gone)]

    def _cell(self, row: Row, service: Service) -> Cell:
        reached = self._access.reached(row.identities, service)
        seen = self._observed.get((row.name, str(service.ref)))
        return Cell(row.name, str(service.ref), reached, _state(reached, seen), seen)


def departed(sources: Iterable[str]) -> list[Row]:
    """As what callers are known that the mesh does not know: by the certificate that their proxies had."""
    wanted = sorted(sources)
    rows = Proxy.objects.filter(id__in=wanted).values_list("id", "spiffe_id") if wanted else ()
    held = dict(rows)
    return [Row(name, "workload" if name in held else "unknown", (held.get(name, ""),)) for name in wanted]


def seen_edges(observed: Mapping[Pair, Calls]) -> list[SeenEdge]:
    """For the question what a change would do to them."""
    held = {row.name: row.identities for row in departed({source for source, _ in observed})}
    return [
        SeenEdge(
            source,
            destination,
            held[source],
            admitted=bool(found.admitted),
            plain=bool(found.plain),
            only_plain=found.plain >= found.requests > 0,
        )
        for (source, destination), found in sorted(observed.items())
    ]


def _row(caller: Caller) -> Row:
    return Row(caller.name, "service" if caller.service else "workload", caller.identities)


def called(mesh: MeshBuilder, observed: Mapping[Pair, Calls]) -> list[Service]:
    """Services of the mesh by name, but for those that are merely a backend of another one's route and that nobody calls."""
    touched = {destination for _, destination in observed}
    behind = merely_backends(mesh)
    return [
        service
        for ref, service in sorted(mesh.services.items(), key=lambda item: str(item[0]))
        if not service.external and (ref not in behind or str(ref) in touched)
    ]


def _is_asked(service: Service, asked: Asked) -> bool:
    return asked.namespace in {"", service.ref.namespace} and asked.service in {"", str(service.ref)}


def _state(reached: Reached, seen: Calls | None) -> State:
    if reached.reach is Reach.NEVER:
        return "denied"
    if seen is not None and seen.admitted:
        return "allowed" if reached.declared else "undeclared"
    if seen is not None and seen.denied and reached.reach is Reach.SOMETIMES:
        return "denied"
    return "unused" if reached.declared else "open"


def _attention(cell: Cell) -> int:
    """What wants to be seen first."""
    if cell.state == "denied":
        return 0 if cell.calls is not None and cell.calls.denied else 4
    if cell.state == "undeclared" or (cell.state == "allowed" and cell.reached.admitted_by_anyone):
        return 1
    return 2 if cell.state == "allowed" else 3

"""Documents in, finished workbench out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol as TypingProtocol

from meshweb.core.builder import MeshBuilder, Phase
from meshweb.core.conditions import Condition
from meshweb.core.errors import CompileError
from meshweb.core.intent import Document, DocumentKey, Intent, Unreadable
from meshweb.core.names import ServiceRef


class CompilableKind(TypingProtocol):
    """What the compiler needs to know of a kind (`meshweb.kinds.base.Kind` is one)."""

    @property
    def kind(self) -> str: ...
    @property
    def phase(self) -> Phase: ...
    @property
    def apply(self) -> Callable[[MeshBuilder, Document], None]: ...
    @property
    def fail_closed(self) -> Callable[[MeshBuilder, Document], None] | None: ...


def build_mesh(intent: Intent, kinds: Iterable[CompilableKind]) -> MeshBuilder:
    """Run all kinds over all documents. A document that fails harms its own target only, and closed."""
    by_name = {kind.kind: kind for kind in kinds}
    mesh = MeshBuilder(settings=intent.settings, documents=intent.documents, unhealthy=intent.unhealthy)
    ordered = sorted(intent.documents.values(), key=lambda d: (by_name[d.key.kind].phase, d.age_order, d.key))
    for document in ordered:
        kind = by_name[document.key.kind]
        try:
            if isinstance(document.spec, Unreadable):
                raise CompileError(document.spec.reason)
            kind.apply(mesh, document)
        except CompileError as error:
            mesh.report(document, Condition.not_accepted("Invalid", str(error)))
            if kind.fail_closed is not None:
                kind.fail_closed(mesh, document)
    _report_conflicts(mesh)
    return mesh


def _report_conflicts(mesh: MeshBuilder) -> None:
    """Tell each document whose rules another one takes the requests of."""
    found: defaultdict[DocumentKey, list[str]] = defaultdict(list)
    for loser, winner in mesh.routing.conflicts():
        assert loser.origin is not None and winner.origin is not None
        words = f"{loser.origin.pointer} never matches: {winner.origin.document} {winner.origin.pointer} takes its requests"
        if words not in found[loser.origin.document]:
            found[loser.origin.document].append(words)
    for key, messages in found.items():
        more = f" (and {len(messages) - 1} more)" if len(messages) > 1 else ""
        mesh.report(mesh.documents[key], Condition.conflicted("RouteConflict", messages[0] + more))


def workloads_by_service(mesh: MeshBuilder) -> Mapping[str, list[ServiceRef]]:
    """Workload id -> services it backs."""
    found: defaultdict[str, list[ServiceRef]] = defaultdict(list)
    for ref, service in sorted(mesh.services.items()):
        for workload in mesh.selected_by(service):
            found[workload.id].append(ref)
    return found

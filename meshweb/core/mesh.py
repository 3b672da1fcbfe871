"""Documents in, finished workbench out; and from one to the next by running again only what a change touches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol as TypingProtocol

from meshweb.core.attachment import Listeners, listener_statuses
from meshweb.core.builder import MeshBuilder, Phase
from meshweb.core.changes import Change, Touched
from meshweb.core.conditions import Condition, ConditionType
from meshweb.core.errors import CompileError
from meshweb.core.gateway_peers import gateway_peers
from meshweb.core.intent import Document, DocumentKey, Intent, Unreadable
from meshweb.core.ir.routing import RouteRule
from meshweb.core.ir.security import POLICY
from meshweb.core.ir.services import Workload
from meshweb.core.names import PortRef, ServiceRef
from meshweb.core.providers import others_asked
from meshweb.core.scoped import Audience

Conflicts = dict[DocumentKey, list[str]]
"""Losing documents, with what each is told."""


class CompilableKind(TypingProtocol):
    """What the compiler needs to know of a kind (`meshweb.kinds.base.Kind` is one)."""

    @property
    def kind(self) -> str: ...
    @property
    def phase(self) -> Phase: ...
    @property
    def independent(self) -> bool: ...
    @property
    def apply(self) -> Callable[[MeshBuilder, Document], None]: ...
    @property
    def fail_closed(self) -> Callable[[MeshBuilder, Document], None] | None: ...


class MeshAssembly:
    """A mesh and the conditions of its documents, kept up to date. One per intent that follows upon another."""

    def __init__(self, intent: Intent, kinds: Iterable[CompilableKind]) -> None:
        self._kinds = {kind.kind: kind for kind in kinds}
        self.mesh = MeshBuilder(
            settings=intent.settings, documents=intent.documents, unhealthy=intent.unhealthy, keys=intent.keys
        )
        self._apply(intent.documents.values())
        self._conflicts: dict[PortRef, Conflicts] = {}
        self._find_conflicts(self.mesh.routing.requests)
        self.conditions: dict[DocumentKey, tuple[Condition, ...]] = {}
        self.listeners: Listeners = listener_statuses(self.mesh.gateways, self.mesh.workloads.values(), self.mesh.secrets)
        lost = self._lost()
        for key in self.mesh.conditions:
            self.conditions[key] = self._final(key, lost.get(key, ()))

    # --- a change ---------------------------------------------------------------------------------------------------

    def update(self, intent: Intent, change: Change) -> Touched | None:
        """Bring the mesh from the intent it was made of to this one. None, and nothing done: it has to be made anew."""
        keys = self._closed_under_use(change.documents)
        if not all(self._is_independent(intent, key) for key in keys):
            return None
        mesh, touched = self.mesh, Touched()
        asked, gateways = mesh.asked_labels(), gateway_peers(mesh) if mesh.remote_readers else None
        before = {key: mesh.workloads[place] for key in keys if (place := mesh.workload_documents.get(key)) is not None}
        mesh.documents, mesh.unhealthy = intent.documents, intent.unhealthy
        for key in keys:
            self._note(key, touched)
            mesh.forget(key)
        self._apply(document for key in keys if (document := intent.documents.get(key)) is not None)
        for key in keys:
            self._note(key, touched)
        self._note_health(change.health, touched)
        believed = gateway_peers(mesh) if mesh.remote_readers and gateways is not None else gateways
        if mesh.asked_labels() != asked or believed != gateways:
            # Callers that were alike may see different things now: the compiler has to sort all of them anew.
            touched.workloads |= mesh.workloads.keys()
        for key, workload in before.items():
            touched.services |= {service.ref for service in mesh.services_of(workload)}
            touched.workloads.add((key.namespace, key.name))
        moved = self._came_or_went(keys, before)
        self._conclude(keys, touched, moved)
        if touched.gateways or (moved and self.listeners):
            self.listeners = listener_statuses(mesh.gateways, mesh.workloads.values(), mesh.secrets)
        return touched

    def _came_or_went(self, keys: Iterable[DocumentKey], before: Mapping[DocumentKey, Workload]) -> list[Workload]:
        """Workloads that others may be waiting for, or may miss: with their labels of before and of now where these differ."""
        found: list[Workload] = []
        for key in keys:
            place = self.mesh.workload_documents.get(key)
            old, new = before.get(key), self.mesh.workloads[place] if place is not None else None
            if old is None or new is None or old.labels != new.labels:
                found += [workload for workload in (old, new) if workload is not None]
        return found

    def _closed_under_use(self, keys: Iterable[DocumentKey]) -> set[DocumentKey]:
        """With the documents whose meaning depends on them."""
        found, open_ = set(keys), list(keys)
        while open_:
            more = self.mesh.users.get(open_.pop(), set()) - found
            found |= more
            open_ += more
        return found

    def _is_independent(self, intent: Intent, key: DocumentKey) -> bool:
        if not self._kinds[key.kind].independent:
            return False
        both = (self.mesh.documents.get(key), intent.documents.get(key))
        return not any(document is not None and isinstance(document.spec, Unreadable) for document in both)

    def _note(self, key: DocumentKey, touched: Touched) -> None:
        """What a document has laid down right now."""
        mesh = self.mesh
        touched.ports |= mesh.routing.ports_of(key)
        touched.gateways |= mesh.gateways.touched_by(key)
        for scoped in mesh.policies:
            if scoped.document.key == key:
                touched.workloads |= {place for place, workload in mesh.workloads.items() if scoped.covers(workload)}
        for target in mesh.targeted.targets_of(key):
            service = mesh.services.get(target) if isinstance(target, ServiceRef) else None
            touched.workloads |= {(w.namespace, w.name) for w in mesh.selected_by(service)} if service is not None else set()
            touched.gateways |= service is None
        place = mesh.workload_documents.get(key)
        if place is not None:
            touched.workloads.add(place)
            touched.services |= {service.ref for service in mesh.services_of(mesh.workloads[place])}

    def _note_health(self, ids: Iterable[str], touched: Touched) -> None:
        for identifier in ids:
            namespace, _, name = identifier.partition("/")
            workload = self.mesh.workloads.get((namespace, name))
            if workload is not None:
                self.mesh.set_health((namespace, name), healthy=identifier not in self.mesh.unhealthy)
                touched.services |= {service.ref for service in self.mesh.services_of(workload)}

    # --- conditions -------------------------------------------------------------------------------------------------

    def _apply(self, documents: Iterable[Document]) -> None:
        """A document that fails harms its own target only, and closed."""
        ordered = sorted(documents, key=lambda d: (self._kinds[d.key.kind].phase, d.age_order, d.key))
        for document in ordered:
            kind = self._kinds[document.key.kind]
            try:
                if isinstance(document.spec, Unreadable):
                    raise CompileError(document.spec.reason)
                kind.apply(self.mesh, document)
            except CompileError as error:
                self.mesh.report(document, Condition.not_accepted("Invalid", str(error)))
                if kind.fail_closed is not None:
                    kind.fail_closed(self.mesh, document)

    def _find_conflicts(self, ports: Iterable[PortRef]) -> None:
        for port in ports:
            found = _conflicts(self.mesh.routing.conflicts(port))
            if found:
                self._conflicts[port] = found
            else:
                self._conflicts.pop(port, None)

    def _lost(self) -> Mapping[DocumentKey, Sequence[str]]:
        found: defaultdict[DocumentKey, list[str]] = defaultdict(list)
        for port in sorted(self._conflicts):
            for key, words in self._conflicts[port].items():
                found[key] += [text for text in words if text not in found[key]]
        return found

    def _conclude(self, keys: set[DocumentKey], touched: Touched, workloads: Sequence[Workload]) -> None:
        """The conditions of every document that may have others now."""
        mesh, stale = self.mesh, set(keys)
        if touched.ports:
            for port in touched.ports:
                stale |= set(self._conflicts.get(port, ()))
            self._find_conflicts(touched.ports)
            for port in touched.ports:
                stale |= set(self._conflicts.get(port, ()))
        if workloads:
            stale |= {
                key
                for key, audiences in mesh.audiences.items()
                for audience in audiences
                if any(map(audience.covers, workloads))
            }
        if any(key.kind == POLICY for key in keys):
            stale |= mesh.askers.keys()  # another one may name another provider for the same port
        lost = self._lost() if self._conflicts else {}
        for key in stale:
            if key in mesh.conditions:
                self.conditions[key] = self._final(key, lost.get(key, ()))
            else:
                self.conditions.pop(key, None)

    def _final(self, key: DocumentKey, lost: Sequence[str]) -> tuple[Condition, ...]:
        """As reported; with a word to who reaches nobody, and to who lost to another document."""
        found = self.mesh.conditions[key]
        told = [words for audience in self.mesh.audiences.get(key, ()) for words in _words_for(self.mesh, audience)]
        for words in (*told, *others_asked(self.mesh, key)):
            found = [_with_words(condition, words) for condition in found]
        if lost:
            more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
            found = [*found, Condition.conflicted("RouteConflict", lost[0] + more)]
        return tuple(found)


def _words_for(mesh: MeshBuilder, audience: Audience) -> Iterator[str]:
    if not mesh.anybody(audience):
        yield audience.words
    elif audience.needs_http and (place := mesh.without_http(audience)) is not None:
        yield audience.needs_http.format(port=place[0], workload=place[1].id)


def _with_words(condition: Condition, words: str) -> Condition:
    if condition.type is not ConditionType.ACCEPTED or condition.status != "True":
        return condition
    return replace(condition, message=f"{condition.message}; {words}" if condition.message else words)


def _conflicts(pairs: Iterable[tuple[RouteRule, RouteRule]]) -> Conflicts:
    found: Conflicts = {}
    for loser, winner in pairs:
        assert loser.origin is not None and winner.origin is not None
        words = f"{loser.origin.pointer} never matches: {winner.origin.document} {winner.origin.pointer} takes its requests"
        told = found.setdefault(loser.origin.document, [])
        if words not in told:
            told.append(words)
    return found


def build_mesh(intent: Intent, kinds: Iterable[CompilableKind]) -> MeshBuilder:
    """Run all kinds over all documents."""
    return MeshAssembly(intent, kinds).mesh


def workloads_by_service(mesh: MeshBuilder) -> Mapping[str, list[ServiceRef]]:
    """Workload id -> services it backs."""
    found: defaultdict[str, list[ServiceRef]] = defaultdict(list)
    for ref, service in sorted(mesh.services.items()):
        for workload in mesh.selected_by(service):
            found[workload.id].append(ref)
    return found

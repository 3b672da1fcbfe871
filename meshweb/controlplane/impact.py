"""What a write would change, before it is made: compiled twice, compared per proxy."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import count

from meshweb.controlplane.documents import Wish
from meshweb.core.compile import Compilation, Compiler
from meshweb.core.intent import Document, DocumentKey, Intent
from meshweb.core.names import ServiceRef
from meshweb.core.reach import Map
from meshweb.core.reach_changes import ReachChange, SeenEdge, changes as reach_changes
from meshweb.core.snapshot import PUSH_ORDER, TYPE_NAMES, Snapshot
from meshweb.kinds.registry import KINDS, served_by
from meshweb.store.installation import mesh_settings
from meshweb.store.loaders import IntentMirror
from meshweb.store.models import Proxy

_LAST = datetime.max.replace(tzinfo=UTC)
"""A document that does not exist yet is younger than all others."""


@dataclass(frozen=True, slots=True)
class ProxyImpact:
    """`changes`: names of the resource types that would be sent ("Routes"), and "Limits" where other numbers of shared rate limits are
    counted for it."""

    id: str
    changes: tuple[str, ...]
    connected: bool


@dataclass(frozen=True, slots=True)
class Impact:
    """`services`: what the affected proxies serve, "namespace/name". `access`: the edges that were asked about whose calls would be
    decided otherwise."""

    proxies: tuple[ProxyImpact, ...]
    services: tuple[str, ...]
    access: tuple[ReachChange, ...]


@dataclass(frozen=True, slots=True)
class _Comparison:
    before: Compilation
    after: Compilation
    access: tuple[ReachChange, ...]


@dataclass(frozen=True, slots=True)
class State:
    """The mesh as it was at one moment."""

    intent: Intent
    epoch: int

    @property
    def key(self) -> tuple[int, int]:
        return (self.intent.revision, self.epoch)


class _Preview:
    """A warm compiler of this process. Two compilers, so that the second run of a preview does not push out the first's cache."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mirror = IntentMirror(mesh_settings())
        self._now, self._then = Compiler(KINDS), Compiler(KINDS)
        self._before: tuple[State, Compilation] | None = None

    def state(self) -> State:
        with self._lock:
            intent = self._mirror.refresh()
            return State(intent, self._mirror.epoch)

    def compare(self, state: State, wishes: Sequence[Wish], seen: Iterable[SeenEdge]) -> _Comparison:
        with self._lock:
            if self._before is None or self._before[0].key != state.key:
                self._before = (state, self._now.compile(state.intent))
            before, after = self._before[1], self._then.compile(wished(state.intent, wishes))
            # Under the lock: the next compilation goes on with the same mesh.
            return _Comparison(before, after, tuple(reach_changes(Map(before.mesh), Map(after.mesh), seen)))


def wished(intent: Intent, wishes: Sequence[Wish]) -> Intent:
    """The intent as it would be afterwards."""
    documents = dict(intent.documents)
    for wish in wishes:
        known = documents.get(wish.key)
        if wish.parsed is None:
            documents.pop(wish.key, None)
            continue
        meta = wish.parsed.metadata
        if known is not None:
            documents[wish.key] = replace(known, spec=wish.parsed.spec, labels=meta.labels, annotations=meta.annotations)
        else:
            documents[wish.key] = Document(wish.key, wish.parsed.spec, meta.labels, meta.annotations, created=_LAST)
    addresses = _with_new_services(intent.local_addresses, documents)
    return replace(intent, documents=documents, local_addresses=addresses)


def _with_new_services(
    known: Mapping[tuple[ServiceRef, int], int], documents: Mapping[DocumentKey, Document]
) -> Mapping[tuple[ServiceRef, int], int]:
    """Any free address will do for a preview."""
    free = count(max(known.values(), default=-1) + 1)
    found = dict(known)
    for key, document in documents.items():
        for service, numbers in served_by(key, document.spec):
            for port in (0, *numbers):
                place = (service, port)
                if place not in found:
                    found[place] = next(free)
    return found


@cache
def _preview() -> _Preview:
    return _Preview()


def current_state() -> State:
    """What a write starts from: take it before the write, and ask for the impact after it, so that nobody waits for two
    compilations before anything happens."""
    return _preview().state()


def impact_of(wishes: Sequence[Wish], state: State, seen: Iterable[SeenEdge] = ()) -> Impact:
    """`seen`: whose calls may be decided otherwise."""
    comparison = _preview().compare(state, wishes, seen)
    before, after = comparison.before, comparison.after
    changes = {
        proxy_id: changed_types(before.snapshots[proxy_id], snapshot)
        for proxy_id, snapshot in after.snapshots.items()
        if proxy_id in before.snapshots
    }
    affected = {proxy_id: names for proxy_id, names in changes.items() if names}
    rows = {row.id: row for row in Proxy.objects.filter(id__in=affected)}
    found = tuple(
        ProxyImpact(proxy_id, names, proxy_id in rows and rows[proxy_id].connected)
        for proxy_id, names in sorted(affected.items())
    )
    services = sorted({service for row in rows.values() for service in row.services})
    return Impact(found, tuple(services), comparison.access)


def changed_types(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    types = [TYPE_NAMES[t] for t in PUSH_ORDER if before.section_versions(t) != after.section_versions(t)]
    return (*types, "Limits") if before.limits != after.limits else tuple(types)

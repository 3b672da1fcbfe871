"""From intent to published snapshots: compile, store what is new by content, move the pointers, and say so.

Runs in the config worker, which keeps everything warm. Whatever it holds in memory it can read again from the database.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from functools import cache

from django.utils import timezone

from meshweb.controlplane import hints
from meshweb.controlplane.aftermath import Aftermath
from meshweb.controlplane.snapshot_store import Outdated, SnapshotStore
from meshweb.core.compile import Compiler
from meshweb.kinds.registry import KINDS
from meshweb.store.installation import mesh_settings
from meshweb.store.loaders import IntentMirror
from meshweb.store.models import MeshState

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Publication:
    """What one run did. `changed`: ids of the proxies whose configuration is another now."""

    revision: int
    serial: int
    changed: frozenset[str]
    revisions: tuple[int, ...]


class Publisher:
    """One per process; `run` may be called from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mirror = IntentMirror(mesh_settings())
        self._compiler = Compiler(KINDS)
        self._store = SnapshotStore()
        self._aftermath = Aftermath()

    def run(self) -> Publication | None:
        """Publishes what is not published yet. None when there was nothing to do, or somebody else did it."""
        with self._lock:
            state = MeshState.objects.get(id=1)
            done = (state.compiled_revision, state.compiled_epoch) == (state.revision, state.compile_epoch)
            if done and self._aftermath.complete:
                return None
            return self._publish(state.config_serial)

    def _publish(self, serial: int) -> Publication | None:
        intent, now = self._mirror.refresh(), timezone.now()
        compilation = self._compiler.compile(intent)
        changed = self._store.changed(compilation.snapshots, serial)
        try:
            made, revisions = self._store.store(intent.revision, self._mirror.epoch, changed, compilation.snapshots, now)
        except Outdated:
            log.info("another worker published meanwhile")
            return None  # whatever is left to do is found by the next run
        published = Publication(intent.revision, made, frozenset(changed), revisions)
        hints.publish(hints.CONFIG_CHANNEL, str(made))
        self._aftermath.write(compilation, intent, now)
        hints.publish(hints.STATUS_CHANNEL, "revision")
        for number in revisions:
            hints.tell_browsers("revision", str(number))
        return published


def lock_mesh() -> MeshState:
    """Orders all writes. Take it before any row of a proxy: whoever holds a proxy's row never waits for this one."""
    return MeshState.objects.select_for_update().get(id=1)


def touch(state: MeshState, proxy_facts: str) -> None:
    """Facts that are not documents have changed (a proxy joined, its flags): compile again. Inside the transaction that locked
    `state`. `proxy_facts` says what, for the log.
    """
    from meshweb.controlplane.tasks import publish

    state.compile_epoch += 1
    state.save(update_fields=["compile_epoch"])
    log.info("compiling again: %s", proxy_facts)
    hints.wake_on_commit(publish)


@cache
def publisher() -> Publisher:
    """The process's own."""
    return Publisher()

"""From intent to published snapshots: compile, store what is new by content, move the pointers, and say so.

Runs in the config worker, which keeps everything warm. Whatever it holds in memory it can read again from the database.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from meshweb.controlplane import hints
from meshweb.controlplane.installation import mesh_settings
from meshweb.controlplane.render import timestamp
from meshweb.core.compile import Compilation, Compiler, workloads_by_service
from meshweb.core.conditions import Condition
from meshweb.core.intent import DocumentKey, Intent
from meshweb.core.snapshot import PUSH_ORDER, Snapshot, content_version
from meshweb.kinds.registry import KINDS
from meshweb.store.loaders import IntentMirror
from meshweb.store.models import (
    ConfigBlob,
    ConfigClass,
    ConfigSection,
    MeshState,
    Proxy,
    Resource,
    ResourceStatus,
    Revision,
)

log = logging.getLogger(__name__)

_LOCK_ID = 0x6D657368  # "mesh": one publisher at a time, over all processes


def class_key(snapshot: Snapshot) -> str:
    """Content hash of a snapshot: what makes two proxies one config class."""
    parts = [f"{t.value}:{','.join(snapshot.section_versions(t))}".encode() for t in PUSH_ORDER]
    return content_version(*parts)


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
        self._conditions: dict[DocumentKey, list[dict[str, Any]]] | None = None
        self._services: dict[str, list[str]] | None = None

    def run(self) -> Publication | None:
        """Publishes what is not published yet. None when there was nothing to do."""
        with self._lock:
            state = MeshState.objects.get(id=1)
            if (state.compiled_revision, state.compiled_epoch) == (state.revision, state.compile_epoch):
                return None
            intent = self._mirror.refresh()
            compilation = self._compiler.compile(intent)
            try:
                published = self._store(intent, self._mirror.epoch, compilation)
            except Exception:
                self._conditions = self._services = None  # what was thought to be stored may not be: read it again next time
                raise
        if published is not None:
            self._announce(published)
        return published

    @staticmethod
    def _announce(published: Publication) -> None:
        hints.publish(hints.CONFIG_CHANNEL, str(published.serial))
        hints.publish(hints.STATUS_CHANNEL, "revision")
        for number in published.revisions:
            hints.tell_browsers("revision", str(number))

    def _store(self, intent: Intent, epoch: int, compilation: Compilation) -> Publication | None:
        now = timezone.now()
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_ID])
            held = dict(Proxy.objects.filter(revoked_at=None).values_list("id", "config_class"))
            keys = {proxy_id: class_key(snapshot) for proxy_id, snapshot in compilation.snapshots.items()}
            changed = {proxy_id for proxy_id, key in keys.items() if held.get(proxy_id, key) != key}
            self._store_content(compilation.snapshots[proxy_id] for proxy_id in changed)
            self._store_conditions(compilation.conditions, intent, now)
            # From here on writers wait, so that serials are in the order of commits.
            state = MeshState.objects.select_for_update().get(id=1)
            if (state.compiled_revision, state.compiled_epoch) > (intent.revision, epoch):
                return None  # another publisher was faster
            serial = state.config_serial + 1
            self._move_pointers(intent.revision, serial, {p: keys[p] for p in changed}, compilation)
            revisions = _close_revisions(intent.revision, sorted(changed), now)
            state.compiled_revision, state.compiled_epoch, state.config_serial = intent.revision, epoch, serial
            state.save(update_fields=["compiled_revision", "compiled_epoch", "config_serial"])
        return Publication(intent.revision, serial, frozenset(changed), revisions)

    @staticmethod
    def _store_content(snapshots: Iterable[Snapshot]) -> None:
        """Inserts what the database does not hold. It is asked, not remembered: another process may have pruned."""
        sections = {s.version: s for snapshot in snapshots for group in snapshot.sections.values() for s in group}
        held = set(ConfigSection.objects.filter(version__in=sections).values_list("version", flat=True))
        missing = {version: section for version, section in sections.items() if version not in held}
        bodies = {r.version: r.body for section in missing.values() for r in section.resources.values()}
        known = set(ConfigBlob.objects.filter(version__in=bodies).values_list("version", flat=True))
        ConfigBlob.objects.bulk_create(
            (ConfigBlob(version=version, body=body) for version, body in bodies.items() if version not in known),
            ignore_conflicts=True,
            batch_size=1000,
        )
        ConfigSection.objects.bulk_create(
            (
                ConfigSection(version=version, entries={r.name: r.version for r in section.resources.values()})
                for version, section in missing.items()
            ),
            ignore_conflicts=True,
            batch_size=500,
        )

    def _move_pointers(self, revision: int, serial: int, changed: Mapping[str, str], compilation: Compilation) -> None:
        classes = {key: compilation.snapshots[proxy_id] for proxy_id, key in changed.items()}
        ConfigClass.objects.bulk_create(
            (
                ConfigClass(key=key, sections=_section_lists(snapshot), revision=revision, serial=serial)
                for key, snapshot in classes.items()
            ),
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=["revision", "serial"],
            batch_size=1000,
        )
        if changed:
            # Locked in one order, as in every batch that writes proxies.
            list(Proxy.objects.select_for_update(no_key=True).filter(id__in=changed).order_by("id").values_list("id"))
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE store_proxy SET config_class = new.key, config_serial = %s "
                    "FROM unnest(%s::text[], %s::text[]) AS new(id, key) WHERE store_proxy.id = new.id",
                    [serial, list(changed), list(changed.values())],
                )
        self._store_services(compilation)

    def _store_services(self, compilation: Compilation) -> None:
        """What each proxy's workload backs, the most general service first: calls of a workload are counted as that service's."""
        mesh = compilation.mesh
        backed = {
            workload: [str(ref) for ref in sorted(refs, key=lambda ref: (len(mesh.services[ref].selector), ref))]
            for workload, refs in workloads_by_service(mesh).items()
        }
        wanted = {proxy_id: backed.get(proxy_id, []) for proxy_id in compilation.snapshots}
        if wanted == self._services:
            return
        stale = []
        for row in Proxy.objects.filter(revoked_at=None).only("id", "services").order_by("id"):
            services = wanted.get(row.id, [])
            if row.services != services:
                row.services = services
                stale.append(row)
        Proxy.objects.bulk_update(stale, ["services"], batch_size=500)
        self._services = wanted

    def _store_conditions(self, found: Mapping[DocumentKey, tuple[Condition, ...]], intent: Intent, now: datetime) -> None:
        if self._conditions is None:
            rows = ResourceStatus.objects.select_related("resource")
            self._conditions = {DocumentKey(r.resource.kind, r.resource.namespace, r.resource.name): r.conditions for r in rows}
        known = self._conditions
        fresh: dict[DocumentKey, list[dict[str, Any]]] = {}
        for key, conditions in found.items():
            generation = intent.documents[key].generation
            shown = _shown(conditions, generation, known.get(key, []), now)
            if shown != known.get(key):
                fresh[key] = shown
        if not fresh:
            return
        uids = {
            DocumentKey(kind, namespace, name): uid
            for uid, kind, namespace, name in Resource.objects.filter(name__in={key.name for key in fresh}).values_list(
                "uid", "kind", "namespace", "name"
            )
        }
        ResourceStatus.objects.bulk_create(
            (ResourceStatus(resource_id=uids[key], conditions=shown) for key, shown in fresh.items() if key in uids),
            update_conflicts=True,
            unique_fields=["resource_id"],
            update_fields=["conditions"],
            batch_size=1000,
        )
        known.update(fresh)
        for key in known.keys() - found.keys():
            del known[key]


def _section_lists(snapshot: Snapshot) -> dict[str, list[str]]:
    return {t.value: list(snapshot.section_versions(t)) for t in PUSH_ORDER}


def _shown(
    conditions: Iterable[Condition], generation: int, before: list[dict[str, Any]], now: datetime
) -> list[dict[str, Any]]:
    """Conditions as stored; the transition time stays while the status does."""
    since = {
        c["type"]: c["lastTransitionTime"]
        for c in before
        for n in conditions
        if n.type == c["type"] and n.status == c["status"]
    }
    return [
        {
            "type": c.type.value,
            "status": c.status,
            "reason": c.reason,
            "message": c.message,
            "observedGeneration": generation,
            "lastTransitionTime": since.get(c.type.value, timestamp(now)),
        }
        for c in conditions
    ]


def _close_revisions(upto: int, affected: list[str], now: datetime) -> tuple[int, ...]:
    """Revisions that this compilation covers. Several at once share what they affected."""
    numbers = tuple(
        Revision.objects.filter(number__lte=upto, compiled_at=None).order_by("number").values_list("number", flat=True)
    )
    Revision.objects.filter(number__in=numbers).update(compiled_at=now, compiled_as=upto, affected=affected)
    return numbers


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


def prune() -> dict[str, int]:
    """Deletes content that no proxy's class has referred to for the last thousand publications."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_ID])
        serial = MeshState.objects.get(id=1).config_serial
        used = Proxy.objects.exclude(config_class="").values("config_class")
        classes, _ = ConfigClass.objects.filter(serial__lt=serial - 1000).exclude(key__in=used).delete()
        sections: set[str] = set()
        for lists in ConfigClass.objects.values_list("sections", flat=True):
            sections.update(version for group in lists.values() for version in group)
        gone, _ = ConfigSection.objects.exclude(version__in=sections).delete()
        blobs: set[str] = set()
        for entries in ConfigSection.objects.values_list("entries", flat=True):
            blobs.update(entries.values())
        bodies, _ = ConfigBlob.objects.exclude(version__in=blobs).delete()
    return {"classes": classes, "sections": gone, "blobs": bodies}


@cache
def publisher() -> Publisher:
    """The process's own."""
    return Publisher()

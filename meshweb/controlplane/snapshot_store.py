"""Published snapshots in the database: content by hash, a class per view, a pointer per proxy.

Written by hand as SQL: these statements stand between a write and the proxies, and the ORM takes longer to build them than
PostgreSQL to run them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from meshweb.core.snapshot import PUSH_ORDER, Section, Snapshot, TypeUrl, content_version
from meshweb.store.models import ConfigBlob, ConfigClass, ConfigSection, MeshState, Proxy
from meshweb.store.sealing import seal_body

LIMITS = "limits"
"""Where `ConfigClass.sections` has the version of `Snapshot.limits`."""


def class_key(snapshot: Snapshot) -> str:
    """Content hash of a snapshot: what makes two proxies one config class."""
    return content_version(*(f"{name}:{','.join(versions)}".encode() for name, versions in _lists(snapshot).items()))


def _lists(snapshot: Snapshot) -> dict[str, list[str]]:
    """Versions of sections by type, and of what is not sent, under `LIMITS`."""
    lists = {t.value: list(snapshot.section_versions(t)) for t in PUSH_ORDER}
    return {**lists, LIMITS: [snapshot.limits.version]} if snapshot.limits.resources else lists


class Outdated(Exception):
    """Somebody else published meanwhile: what is remembered of the database is no longer true."""


class SnapshotStore:
    """Remembers what it has stored, as of one serial. Every publication and every pruning moves the serial, so a memory that is
    no longer true is noticed before anything is written."""

    def __init__(self) -> None:
        self._serial = -1
        self._held: dict[str, str] = {}
        self._sections: set[str] = set()
        self._blobs: set[str] = set()

    def changed(self, snapshots: Mapping[str, Snapshot], serial: int) -> dict[str, str]:
        """New class keys of the proxies whose configuration differs from what is published as `serial`."""
        if self._serial != serial:
            self._serial = serial
            self._held = dict(Proxy.objects.filter(revoked_at=None).values_list("id", "config_class"))
            self._sections, self._blobs = set(), set()
        keys = {proxy_id: class_key(snapshot) for proxy_id, snapshot in snapshots.items()}
        # Who is not remembered joined since.
        return {proxy_id: key for proxy_id, key in keys.items() if self._held.get(proxy_id) != key}

    def store(
        self, revision: int, epoch: int, changed: Mapping[str, str], snapshots: Mapping[str, Snapshot], now: datetime
    ) -> tuple[int, tuple[int, ...]]:
        """One transaction. Returns the new serial and the revisions that are compiled by it. Raises Outdated, nothing written."""
        by_class = {key: snapshots[proxy_id] for proxy_id, key in changed.items()}
        sections = {s.version: s for snap in by_class.values() for group in snap.sections.values() for s in group}
        sections |= {snap.limits.version: snap.limits for snap in by_class.values() if snap.limits.resources}
        secrets = {s.version for snap in by_class.values() for s in snap.sections.get(TypeUrl.SECRET, ())}
        with transaction.atomic(), connection.cursor() as cursor:
            self._insert_content(cursor, sections, secrets)
            # From here on writers wait, so that serials are in the order of commits.
            cursor.execute("SELECT config_serial FROM store_meshstate WHERE id = 1 FOR UPDATE")
            if cursor.fetchone()[0] != self._serial:
                self._serial = -1
                raise Outdated
            serial = self._serial + 1
            if changed:
                _point(cursor, revision, serial, changed, by_class)
            cursor.execute(
                "UPDATE store_revision SET compiled_at = %s, compiled_as = %s, affected = %s::jsonb "
                "WHERE compiled_at IS NULL AND number <= %s RETURNING number",
                [now, revision, json.dumps(sorted(changed)), revision],
            )
            numbers = tuple(sorted(row[0] for row in cursor.fetchall()))
            cursor.execute(
                "UPDATE store_meshstate SET compiled_revision = %s, compiled_epoch = %s, config_serial = %s WHERE id = 1",
                [revision, epoch, serial],
            )
        self._serial = serial
        self._held |= changed
        self._sections |= sections.keys()
        self._blobs |= {r.version for s in sections.values() for r in s.resources.values()}
        return serial, numbers

    def _insert_content(self, cursor: CursorWrapper, sections: Mapping[str, Section], secrets: set[str]) -> None:
        """`secrets`: versions of the sections whose bodies are sealed."""
        missing = [section for version, section in sections.items() if version not in self._sections]
        bodies: dict[str, tuple[bytes, bool]] = {}
        for section in missing:
            sealed = section.version in secrets
            for version, body in ((r.version, r.body) for r in section.resources.values() if r.version not in self._blobs):
                bodies[version] = (seal_body(version, body) if sealed else body, sealed)
        if bodies:
            cursor.execute(
                "INSERT INTO store_configblob (version, body, sealed) "
                "SELECT * FROM unnest(%s::text[], %s::bytea[], %s::boolean[]) ON CONFLICT DO NOTHING",
                [list(bodies), [body for body, _ in bodies.values()], [sealed for _, sealed in bodies.values()]],
            )
        if missing:
            entries = [json.dumps({r.name: r.version for r in s.resources.values()}) for s in missing]
            cursor.execute(
                "INSERT INTO store_configsection (version, entries) "
                "SELECT v, e::jsonb FROM unnest(%s::text[], %s::text[]) AS new(v, e) ON CONFLICT DO NOTHING",
                [[section.version for section in missing], entries],
            )


def _point(
    cursor: CursorWrapper, revision: int, serial: int, changed: Mapping[str, str], classes: Mapping[str, Snapshot]
) -> None:
    lists = [json.dumps(_lists(snapshot)) for snapshot in classes.values()]
    cursor.execute(
        "INSERT INTO store_configclass (key, sections, revision, serial) "
        "SELECT k, s::jsonb, %s, %s FROM unnest(%s::text[], %s::text[]) AS new(k, s) "
        "ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, serial = excluded.serial",
        [revision, serial, list(classes), lists],
    )
    proxies = sorted(changed)
    # Locked in one order, as in every batch that writes proxies.
    cursor.execute("SELECT 1 FROM store_proxy WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [proxies])
    cursor.execute(
        "UPDATE store_proxy SET config_class = new.key, config_serial = %s "
        "FROM unnest(%s::text[], %s::text[]) AS new(id, key) WHERE store_proxy.id = new.id",
        [serial, proxies, [changed[proxy] for proxy in proxies]],
    )


def prune(keep: int = 1000) -> dict[str, int]:
    """Deletes content that no proxy's class has referred to for the last `keep` publications. How many rows of each."""
    with transaction.atomic():
        state = MeshState.objects.select_for_update().get(id=1)
        used = Proxy.objects.exclude(config_class="").values("config_class")
        classes, _ = ConfigClass.objects.filter(serial__lt=state.config_serial - keep).exclude(key__in=used).delete()
        sections: set[str] = set()
        for lists in ConfigClass.objects.values_list("sections", flat=True):
            sections.update(version for group in lists.values() for version in group)
        gone, _ = ConfigSection.objects.exclude(version__in=sections).delete()
        blobs: set[str] = set()
        for entries in ConfigSection.objects.values_list("entries", flat=True):
            blobs.update(entries.values())
        bodies, _ = ConfigBlob.objects.exclude(version__in=blobs).delete()
        if gone or bodies:
            state.config_serial += 1  # so that no publisher believes its memory of what is stored
            state.save(update_fields=["config_serial"])
    return {"classes": classes, "sections": gone, "blobs": bodies}

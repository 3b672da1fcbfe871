"""Published snapshots in memory, kept fresh: told by Redis, and asking every second because hints may be lost."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import redis
import redis.asyncio
from django.conf import settings
from django.db import connection, transaction

from meshweb.config.adapters.blocking import Threads
from meshweb.controlplane.hints import CONFIG_CHANNEL
from meshweb.controlplane.snapshot_store import LIMITS
from meshweb.core.snapshot import NO_RESOURCES, Section, Snapshot, TypeUrl, XdsResource
from meshweb.store.sealing import open_body
from meshweb.xds.ports import Unavailable

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0


@dataclass(slots=True)
class _Update:
    """What was read: the newest serial, and what moved since the last."""

    serial: int
    proxies: dict[str, str]
    snapshots: dict[str, Snapshot]
    sections: dict[str, Section] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Class:
    key: str
    sections: dict[str, list[str]]
    revision: int


class DatabaseSnapshots:
    """See `SnapshotSource`. Proxies of one class get the same sections, and sections share the resources they have in common."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._serial = -1
        self._class_of: dict[str, str] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._sections: dict[str, Section] = {}
        self._resources: dict[tuple[str, str], XdsResource] = {}
        self._callbacks: list[Callable[[frozenset[str] | None], None]] = []
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def snapshot(self, proxy_id: str) -> Snapshot | None:
        return self._snapshots.get(self._class_of.get(proxy_id, ""))

    def subscribe(self, callback: Callable[[frozenset[str] | None], None]) -> None:
        self._callbacks.append(callback)

    async def start(self) -> None:
        """Reads everything once. Raises Unavailable."""
        await self.refresh()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._listen()), loop.create_task(self._follow())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def refresh(self) -> None:
        """Takes over what was published since the last call. Raises Unavailable."""
        update = await self._threads.run(self._read)
        if update is None:
            return
        if update.serial < self._serial:
            self._class_of.clear()
        moved = {p for p, key in update.proxies.items() if self._class_of.get(p) != key or key in update.snapshots}
        moved |= {p for p, key in self._class_of.items() if key in update.snapshots}
        self._serial = update.serial
        self._class_of.update(update.proxies)
        self._snapshots.update(update.snapshots)
        self._sections.update(update.sections)
        self._drop_unused()
        for callback in self._callbacks:
            callback(frozenset(moved))

    def _drop_unused(self) -> None:
        used = set(self._class_of.values())
        for key in self._snapshots.keys() - used:
            del self._snapshots[key]
        held = {s.version for snapshot in self._snapshots.values() for group in snapshot.sections.values() for s in group}
        held |= {snapshot.limits.version for snapshot in self._snapshots.values()}
        dropped = self._sections.keys() - held
        for version in dropped:
            del self._sections[version]
        if dropped:
            self._resources = {(r.name, r.version): r for s in self._sections.values() for r in s.resources.values()}

    # --- on a thread --------------------------------------------------------------------------------------------------

    def _read(self) -> _Update | None:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                cursor.execute("SELECT config_serial FROM store_meshstate WHERE id = 1")
                serial: int = cursor.fetchone()[0]
            if serial == self._serial:
                return None
            since = self._serial if serial > self._serial else -1
            # By hand: the ORM takes longer to build these statements than PostgreSQL to run them.
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT id, config_class FROM store_proxy WHERE config_serial > %s AND config_class <> ''", [since]
                )
                proxies: dict[str, str] = dict(cursor.fetchall())
                unknown = [key for key in set(proxies.values()) if key not in self._snapshots]
                cursor.execute(
                    "SELECT key, sections, revision FROM store_configclass WHERE serial > %s OR key = ANY(%s)", [since, unknown]
                )
                rows = [_Class(key, json.loads(lists), revision) for key, lists, revision in cursor.fetchall()]
            sections = self._load_sections({v for row in rows for group in row.sections.values() for v in group})
        known = {**self._sections, **sections}
        return _Update(serial, proxies, {row.key: _snapshot(row, known) for row in rows}, sections)

    def _load_sections(self, versions: Iterable[str]) -> dict[str, Section]:
        missing = list(set(versions) - self._sections.keys())
        with connection.cursor() as cursor:
            cursor.execute("SELECT version, entries FROM store_configsection WHERE version = ANY(%s)", [missing])
            rows = [(version, json.loads(entries)) for version, entries in cursor.fetchall()]
            pairs = {(name, version) for _, entries in rows for name, version in entries.items()}
            unknown = [version for name, version in pairs if (name, version) not in self._resources]
            cursor.execute("SELECT version, body, sealed FROM store_configblob WHERE version = ANY(%s)", [unknown])
            bodies = {
                version: open_body(version, bytes(body)) if sealed else bytes(body)
                for version, body, sealed in cursor.fetchall()
            }
        fresh = {(name, version): XdsResource(name, version, bodies[version]) for name, version in pairs if version in bodies}
        resources = {**self._resources, **fresh}
        self._resources = resources
        return {version: Section(version, _by_name(entries, resources)) for version, entries in rows}

    # --- following ----------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        while True:
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass  # the poll: a hint may have been lost
            self._wake.clear()
            try:
                await self.refresh()
            except Unavailable as error:
                log.warning("cannot read published configuration: %s", error.__cause__ or error)
            except Exception:
                log.exception("reading published configuration failed")

    async def _listen(self) -> None:
        while True:
            client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, health_check_interval=10)
            try:
                async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.subscribe(CONFIG_CHANNEL)
                    async for _ in pubsub.listen():
                        self._wake.set()
            except (redis.RedisError, OSError) as error:
                log.warning("no hints about configuration: %s", error)
                await asyncio.sleep(POLL_SECONDS)
            finally:
                await client.aclose()


def _by_name(entries: Mapping[str, str], resources: Mapping[tuple[str, str], XdsResource]) -> dict[str, XdsResource]:
    return {name: resources[name, version] for name, version in sorted(entries.items())}


def _snapshot(row: _Class, sections: Mapping[str, Section]) -> Snapshot:
    found = {name: tuple(sections[version] for version in group) for name, group in row.sections.items()}
    (limits,) = found.pop(LIMITS, (NO_RESOURCES,))
    return Snapshot(row.revision, {TypeUrl(url): group for url, group in found.items()}, limits)

"""Keeps the last acknowledged configuration in memory and, a moment later, on disk; never blocks the event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from meshweb.agent import store

log = logging.getLogger(__name__)

_DELAY_SECONDS = 0.2


class Snapshots:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.current: store.Snapshot = store.read(path)
        self.changed_at: float | None = path.stat().st_mtime if self.current else None
        self._dirty = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def keep(self, snapshot: store.Snapshot) -> None:
        self.changed_at = time.time()
        if snapshot != self.current:
            self.current = snapshot
            self._dirty.set()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._save())

    async def stop(self) -> None:
        """Writes what is not written yet."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._dirty.is_set():
            await self._write()

    async def _save(self) -> None:
        while True:
            await self._dirty.wait()
            await asyncio.sleep(_DELAY_SECONDS)  # a change comes as several acknowledgements
            await self._write()

    async def _write(self) -> None:
        self._dirty.clear()
        try:
            await asyncio.to_thread(store.write, self._path, self.current)
        except OSError:
            log.exception("cannot keep the configuration on disk; a restart without the control plane would use an older one")

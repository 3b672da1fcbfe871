"""Observed facts on their way into the database: at once when it is quiet, in batches when it is not, and never lost while it is away."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from meshweb.config.adapters.blocking import Threads
from meshweb.controlplane import hints, observations
from meshweb.controlplane.observations import Acked, Connected, Disconnected, Fact, Live, Nacked, Sent
from meshweb.core.snapshot import TypeUrl
from meshweb.xds.ports import ProxyIdentity, Unavailable

log = logging.getLogger(__name__)

BATCH = 20_000
MAX_WAITING = 1_000_000
PAUSE_SECONDS = 0.02
RETRY_SECONDS = 0.5
MANY = 20


class DatabaseStatus:
    """See `StatusSink`. `prefix` names this process in stream names, so that a restart can tell its old streams."""

    def __init__(self, threads: Threads, prefix: str) -> None:
        self._threads = threads
        self._prefix = prefix
        self._waiting: deque[Fact] = deque(maxlen=MAX_WAITING)
        self._wake = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises Unavailable."""
        await self._threads.run(observations.forget_connections, self._prefix)
        self._task = asyncio.get_running_loop().create_task(self._write())

    async def stop(self) -> None:
        """Writes what is left, for at most a few seconds."""
        if self._task is None:
            return
        try:
            async with asyncio.timeout(5):
                await self._written.wait()
        except TimeoutError:
            log.warning("observations were not written, %d at least", len(self._waiting))
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _note(self, fact: Fact) -> None:
        self._waiting.append(fact)
        self._written.clear()
        self._wake.set()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH))]
                try:
                    await self._record(batch)
                    await self._tell(batch)
                except Unavailable as error:
                    log.warning("observations wait: %s", error.__cause__ or error)
                    self._waiting.extendleft(reversed(batch))
                    await asyncio.sleep(RETRY_SECONDS)
                except Exception:
                    log.exception("nobody was told of %d observations", len(batch))
                await asyncio.sleep(PAUSE_SECONDS)
            self._written.set()

    async def _record(self, batch: list[Fact]) -> None:
        """Raises Unavailable. A fact that the database does not take is lost alone, not with its batch."""
        try:
            await self._threads.run(observations.record, batch)
        except Unavailable:
            raise
        except Exception:
            if len(batch) == 1:
                log.exception("an observation of %s could not be written", batch[0].proxy)
                return
            middle = len(batch) // 2
            await self._record(batch[:middle])
            await self._record(batch[middle:])

    async def _tell(self, batch: list[Fact]) -> None:
        # Only what a waiting reader can see: that something was sent is not among it.
        proxies = {fact.proxy for fact in batch if not isinstance(fact, Sent)}
        if not proxies:
            return
        await self._threads.run(hints.publish, hints.STATUS_CHANNEL, "proxy")
        for proxy in sorted(proxies) if len(proxies) <= MANY else ("*",):
            hints.tell_browsers("proxy", proxy)

    # --- StatusSink ---------------------------------------------------------------------------------------------------

    def connected(self, proxy: ProxyIdentity, *, stream: str, agent_version: str, envoy_version: str, at: float) -> None:
        self._note(Connected(proxy.proxy_id, f"{self._prefix}{stream}", agent_version, envoy_version, at, proxy.serial))

    def disconnected(self, proxy_id: str, *, stream: str, reason: str, at: float) -> None:
        self._note(Disconnected(proxy_id, f"{self._prefix}{stream}", at))

    def sent(self, proxy_id: str, *, type_url: TypeUrl, version: str, revision: int, at: float) -> None:
        self._note(Sent(proxy_id, type_url.value, version, revision, at))

    def acked(self, proxy_id: str, *, type_url: TypeUrl, version: str, revision: int, at: float) -> None:
        self._note(Acked(proxy_id, type_url.value, version, revision, at))

    def nacked(self, proxy_id: str, *, type_url: TypeUrl, version: str, revision: int, detail: str, at: float) -> None:
        log.warning("%s refused %s of revision %d: %s", proxy_id, type_url.value, revision, detail)
        # The words are Envoy's, the bytes an agent's: PostgreSQL takes every character but one.
        self._note(Nacked(proxy_id, type_url.value, version, revision, detail.replace("\0", ""), at))

    def live(self, proxy_id: str, *, revision: int, at: float) -> None:
        self._note(Live(proxy_id, revision, at))

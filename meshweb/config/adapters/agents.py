"""The unary calls of agents, on the use cases."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pydantic import ValidationError

from meshweb.config.adapters.blocking import Threads
from meshweb.controlplane import hints, registration
from meshweb.controlplane.errors import InvalidDocuments, NotFound, TryAgain
from meshweb.controlplane.tasks import publish
from meshweb.store.models import Proxy
from meshweb.telemetry.ingest import Arrival, ingest
from meshweb.telemetry.reports import Report
from meshweb.xds.ports import ProxyIdentity, Refused, Unavailable

log = logging.getLogger(__name__)

SETTINGS_SECONDS = 5.0
"""For so long an agent's settings are answered from memory."""
GATHER_SECONDS = 0.2


class Agents:
    """See `AgentApi`. Reports are gathered and written together; each is answered when it is in the database."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._gathered: list[tuple[Arrival, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._settings: dict[str, tuple[float, dict[str, object]]] = {}

    async def configure(self, proxy: ProxyIdentity, payload: object) -> object:
        answer = await self._call(registration.configure, proxy.proxy_id, payload)
        self._settings.pop(proxy.proxy_id, None)
        return answer

    async def renew(self, proxy: ProxyIdentity, payload: object) -> object:
        return await self._call(partial(registration.renew, serial=proxy.serial), proxy.proxy_id, payload)

    async def report(self, proxy: ProxyIdentity, payload: object) -> object:
        try:
            report = Report.model_validate(payload)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gathered.append((Arrival(proxy.proxy_id, report, time.time()), written))
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write())
        await written
        return {"settings": await self._settings_of(proxy.proxy_id)}

    async def _call(self, call: Callable[[str, object], dict[str, object]], proxy_id: str, payload: object) -> object:
        try:
            return await self._threads.run(call, proxy_id, payload)
        except InvalidDocuments as error:
            raise ValueError("; ".join(f"{v.pointer}: {v.detail}" for _, v in error.violations)) from None
        except NotFound as error:
            raise Refused(str(error)) from None
        except TryAgain as error:
            raise Unavailable(str(error)) from None

    async def _write(self) -> None:
        """One batch after the other, until nothing is left."""
        await asyncio.sleep(GATHER_SECONDS)
        while self._gathered:
            batch, self._gathered = self._gathered, []
            try:
                moved = await self._threads.run(_ingest, [arrival for arrival, _ in batch])
            except Exception as error:
                if not isinstance(error, Unavailable):
                    log.exception("%d reports could not be written", len(batch))
                self._settle(batch, Unavailable(str(error) if isinstance(error, Unavailable) else "not written, try again"))
            else:
                self._settle(batch, None)
                if moved:
                    log.info("health changed: %s", ", ".join(sorted(moved)))
            await asyncio.sleep(GATHER_SECONDS)
        self._writer = None

    @staticmethod
    def _settle(batch: list[tuple[Arrival, asyncio.Future[None]]], error: Exception | None) -> None:
        for _, written in batch:
            if written.done():
                continue  # the agent hung up
            if error is None:
                written.set_result(None)
            else:
                written.set_exception(error)

    async def _settings_of(self, proxy_id: str) -> Mapping[str, Any]:
        known = self._settings.get(proxy_id)
        now = time.monotonic()
        if known is not None and known[0] > now:
            return known[1]
        fresh = await self._threads.run(_agent_settings, proxy_id)
        self._settings[proxy_id] = (now + SETTINGS_SECONDS, fresh)
        return fresh


def _ingest(arrivals: list[Arrival]) -> frozenset[str]:
    moved = ingest(arrivals)
    if moved:
        hints.wake(publish)
        for proxy in moved:
            hints.tell_browsers("proxy", proxy)
    hints.tell_browsers("topology", "")
    return moved


def _agent_settings(proxy_id: str) -> dict[str, object]:
    row = Proxy.objects.filter(id=proxy_id, revoked_at=None).first()
    if row is None:
        raise Refused(f"proxy {proxy_id} was removed from the mesh")
    return registration.agent_settings(row)

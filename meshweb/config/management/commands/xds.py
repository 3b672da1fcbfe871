"""`manage.py xds`: the gRPC server for agents and proxies."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from meshweb.config import readiness
from meshweb.config.adapters.agents import Agents
from meshweb.config.adapters.blocking import Threads
from meshweb.config.adapters.counters import RedisCounters
from meshweb.config.adapters.directory import DatabaseDirectory
from meshweb.config.adapters.snapshots import DatabaseSnapshots
from meshweb.config.adapters.status import DatabaseStatus
from meshweb.config.environment import redis_urls
from meshweb.config.processes import run_until_signalled
from meshweb.controlplane.authority import RenewingServerIdentity, ServerIdentity, authority
from meshweb.xds.gc_tuning import tune_gc
from meshweb.xds.ports import Unavailable
from meshweb.xds.server import ServerCredentials, ServerOptions, XdsServer

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5


class Command(BaseCommand):
    help = "Serves agents and proxies: gRPC with mutual TLS, nothing else."

    def handle(self, *args: Any, **options: Any) -> None:
        run_until_signalled(_serve)


class _Credentials:
    """What the server presents; the same object while nothing changed."""

    def __init__(self) -> None:
        self._identity = RenewingServerIdentity()
        self._roots = authority().roots.encode()
        self._made: tuple[ServerIdentity, ServerCredentials] | None = None

    def __call__(self) -> ServerCredentials:
        identity = self._identity.current()
        if self._made is None or self._made[0] is not identity:
            self._made = (identity, ServerCredentials(identity.key, identity.chain.encode(), self._roots))
        return self._made[1]


def _instance() -> str:
    """Names this server in stream names: the same after a restart, another one for each server."""
    name = os.environ.get("MESHWEB_XDS_INSTANCE") or f"{socket.gethostname()[:32]}:{settings.XDS_PORT}"
    return f"{name[:40]}/"


async def _serve(stop: asyncio.Event) -> None:
    reads, writes, calls = Threads(2, "snapshots"), Threads(1, "status"), Threads(6, "calls")
    loop = asyncio.get_running_loop()
    credentials = await loop.run_in_executor(None, _Credentials)
    source, status = DatabaseSnapshots(reads), DatabaseStatus(writes, _instance())
    await _when_available(source, status, stop)
    server = XdsServer(
        directory=DatabaseDirectory(calls),
        source=source,
        status=status,
        agents=Agents(calls),
        counters=RedisCounters(redis_urls(settings.REDIS_URL).counters),
        credentials=credentials,
        options=ServerOptions(),
    )
    host = f"[{settings.LISTEN_HOST}]" if ":" in settings.LISTEN_HOST else settings.LISTEN_HOST
    try:
        port = await server.start(f"{host}:{settings.XDS_PORT}")
    except OSError as error:
        raise CommandError(str(error)) from None
    tune_gc()
    readiness.announce()
    log.info("serving agents and proxies on %s:%d", settings.LISTEN_HOST, port)
    await stop.wait()
    await server.stop()
    await source.stop()
    await status.stop()
    for threads in (reads, writes, calls):
        threads.close()


async def _when_available(source: DatabaseSnapshots, status: DatabaseStatus, stop: asyncio.Event) -> None:
    for start in (source.start, status.start):  # each once: both leave tasks behind
        while not stop.is_set():
            try:
                await start()
                break
            except Unavailable as error:
                log.warning("waiting for the database: %s", error.__cause__)
                await asyncio.sleep(RETRY_SECONDS)

"""`manage.py web`: REST, console and WebSocket; plain HTTP on loopback, HTTPS for everybody else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from meshweb.config import readiness
from meshweb.config.processes import run_until_signalled
from meshweb.controlplane.authority import RenewingServerIdentity, ServerIdentity, authority

log = logging.getLogger(__name__)

CHECK_SECONDS = 60.0
SHUTDOWN_SECONDS = 3


class Command(BaseCommand):
    help = "Serves the REST API, the console and joins."

    def handle(self, *args: Any, **options: Any) -> None:
        run_until_signalled(_serve)


class _Server(uvicorn.Server):
    """Without signal handlers of its own: two of them share this process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(host: str, port: int, context: ssl.SSLContext | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        "meshweb.config.asgi:application",
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        timeout_keep_alive=75,
        ws_max_size=4096,
        h11_max_incomplete_event_size=64 * 1024,
        ssl_context_factory=(lambda _config, _default: context) if context is not None else None,
    )


class _Tls:
    """The HTTPS listener's context. Presents leaf, intermediate and root: a joining agent checks its pin on the last."""

    def __init__(self) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self._own = _operator_files()
        self._identity = None if self._own else RenewingServerIdentity()
        self._loaded: object = None
        self.refresh()

    def refresh(self) -> None:
        """Takes over a renewed certificate; connections that are open stay."""
        if self._own is not None:
            stamp = tuple(path.stat().st_mtime_ns for path in self._own)
            if stamp != self._loaded:
                self.context.load_cert_chain(*self._own)
                self._loaded = stamp
            return
        assert self._identity is not None
        identity = self._identity.current()
        if identity is not self._loaded:
            _load(self.context, identity)
            self._loaded = identity


def _operator_files() -> tuple[Path, Path] | None:
    """The operator's own certificate (chain with the mesh's root last) and key."""
    chain, key = os.environ.get("MESHWEB_TLS_CERTIFICATE"), os.environ.get("MESHWEB_TLS_KEY")
    return (Path(chain), Path(key)) if chain and key else None


def _load(context: ssl.SSLContext, identity: ServerIdentity) -> None:
    # The ssl module reads keys only from files; this one is private to us and gone at once.
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "server.pem")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(identity.key.reveal() + (identity.chain + authority().roots).encode())
        context.load_cert_chain(path)


async def _serve(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    tls = await loop.run_in_executor(None, _Tls)
    configs = (_config("127.0.0.1", settings.WEB_PORT), _config(settings.LISTEN_HOST, settings.TLS_PORT, tls.context))
    servers = [_Server(config) for config in configs]
    running = [loop.create_task(server.serve()) for server in servers]
    watch = loop.create_task(_watch(tls))
    try:
        await _started(servers, running)
        readiness.announce()
        log.info("console and REST on http://127.0.0.1:%d, HTTPS on port %d", settings.WEB_PORT, settings.TLS_PORT)
        await stop.wait()
    finally:
        watch.cancel()
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*running, return_exceptions=True)


async def _started(servers: list[_Server], running: list[asyncio.Task[None]]) -> None:
    """Both listen. Raises CommandError when one cannot."""
    while not all(server.started for server in servers):
        done = [task for task in running if task.done()]
        if done:
            error = done[0].exception()
            raise CommandError(f"cannot listen on ports {settings.WEB_PORT} and {settings.TLS_PORT}: {error or 'see above'}")
        await asyncio.sleep(0.02)


async def _watch(tls: _Tls) -> None:
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        try:
            await asyncio.get_running_loop().run_in_executor(None, tls.refresh)
        except (OSError, ssl.SSLError) as error:
            log.error("the HTTPS certificate could not be renewed, the old one stays: %s", error)

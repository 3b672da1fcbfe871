"""Health of the application, probed as Istio's WorkloadGroup says (readinessProbe semantics)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

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
class Target:
    """What one probe asks, by `kind`: http (`path`, `host_header`, `headers`, over TLS when `tls`), tcp, grpc (`service`) or exec
    (`command`)."""

    kind: str
    host: str = ""
    port: int = 0
    path: str = "/"
    host_header: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    tls: bool = False
    service: str = ""
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """Seconds, and counts of results in a row."""

    target: Target
    initial_delay: float
    timeout: float
    period: float
    successes: int
    failures: int


def parse_probe(settings: object, app_address: str, *, allow_exec: bool = False) -> Probe | None:
    """Probe of `Settings.probe`; None when there is none. allow_exec: the operator of this machine lets documents name commands. Raises
    BadProbe."""
    if settings is None:
        return None
    if not isinstance(settings, Mapping):
        raise BadProbe("the probe is not an object")
    target = _target(settings, app_address)
    if target.kind == "exec" and not allow_exec:
        raise BadProbe("exec probes run commands that a document names: allow it with --allow-exec-probes")
    words = (target.path, target.service, *target.command, *(part for header in target.headers for part in header))
    if any(ord(c) < 32 or ord(c) == 127 for part in words for c in part):
        raise BadProbe("the probe has control characters")
    return Probe(
        target=target,
        initial_delay=float(settings.get("initialDelaySeconds") or 0),
        timeout=float(settings.get("timeoutSeconds") or 1),
        period=float(settings.get("periodSeconds") or 10),
        successes=int(settings.get("successThreshold") or 1),
        failures=int(settings.get("failureThreshold") or 3),
    )


def _target(settings: Mapping[str, Any], app_address: str) -> Target:
    command = (settings.get("exec") or {}).get("command")
    if command:
        return Target("exec", command=tuple(map(str, command)))
    kind, found = next(((k, settings[f]) for k, f in _FIELDS.items() if settings.get(f)), ("", None))
    if not isinstance(found, Mapping) or not isinstance(found.get("port"), int):
        raise BadProbe("the probe has neither exec nor one of httpGet, tcpSocket and grpc with a port")
    if kind != "http":
        return Target(kind, app_address, found["port"], service=str(found.get("service") or ""))
    scheme = str(found.get("scheme") or "HTTP").upper()
    if scheme not in {"HTTP", "HTTPS"}:
        raise BadProbe("httpGet with a scheme other than HTTP and HTTPS cannot be run")
    path = str(found.get("path") or "/")
    return Target(
        kind,
        app_address,
        found["port"],
        path=path if path.startswith("/") else f"/{path}",
        host_header=str(found.get("host") or app_address),
        headers=tuple((str(h["name"]), str(h["value"])) for h in found.get("httpHeaders") or ()),
        tls=scheme == "HTTPS",
    )


_FIELDS = {"http": "httpGet", "tcp": "tcpSocket", "grpc": "grpc"}


async def check_once(probe: Probe) -> str | None:
    """None when healthy, else why not."""
    target = probe.target
    where = f"{target.host}:{target.port}" if target.kind != "exec" else target.command[0]
    try:
        async with asyncio.timeout(probe.timeout):
            if target.kind == "exec":
                return await _exec(target)
            if target.kind == "grpc":
                return await _grpc(target)
            reader, writer = await asyncio.open_connection(target.host, target.port, ssl=_unverified() if target.tls else None)
            try:
                return None if target.kind == "tcp" else await _http(target, reader, writer)
            finally:
                writer.close()
    except TimeoutError:
        return f"{where} did not answer within {probe.timeout:g} s"
    except OSError as error:
        return f"{where}: {error.strerror or error}"


def _unverified() -> ssl.SSLContext:
    """As Kubernetes' probes: they ask whether the application answers, not who it is."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def _http(target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str | None:
    lines = [
        f"GET {target.path} HTTP/1.1",
        f"host: {target.host_header}",
        "user-agent: meshweb-agent",
        "connection: close",
    ]
    lines += [f"{name}: {value}" for name, value in target.headers]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace"))
    await writer.drain()
    try:
        head = (await reader.readline())[:_MAX_HEAD].decode("latin-1").split(maxsplit=2)
    except ValueError:
        head = []
    if len(head) < 2 or not head[0].startswith("HTTP/") or not head[1].isdigit():
        return f"GET {target.path} was not answered in HTTP"
    status = int(head[1])
    return None if 200 <= status < 400 else f"GET {target.path} answered {status}"


_HEALTH_CHECK = "/grpc.health.v1.Health/Check"
_SERVING = b"\x08\x01"
"""HealthCheckResponse{status: SERVING}: field 1, value 1."""


async def _grpc(target: Target) -> str | None:
    """The gRPC health checking protocol (grpc.health.v1), unary and in plain text, as Kubernetes asks."""
    name = target.service.encode()
    request = b"\x0a" + bytes([len(name)]) + name if name else b""
    asked = f"the service {target.service!r}" if name else "the server"
    async with grpc.aio.insecure_channel(f"{target.host}:{target.port}", options=(("grpc.enable_http_proxy", 0),)) as channel:
        check = channel.unary_unary(_HEALTH_CHECK, request_serializer=_as_it_is, response_deserializer=_as_it_is)
        try:
            answer: bytes = await check(request)
        except grpc.aio.AioRpcError as error:
            return f"{target.host}:{target.port} answered {error.code().name}: {error.details()}"
    return None if answer == _SERVING else f"{asked} at {target.host}:{target.port} does not serve"


def _as_it_is(message: bytes) -> bytes:
    return message


async def _exec(target: Target) -> str | None:
    """Exit status 0 is healthy. A command that has not ended in time is ended, with everything that it started."""
    child = await asyncio.create_subprocess_exec(
        *target.command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = await child.wait()
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
    return None if code == 0 else f"{target.command[0]} ended with {code}"


class Prober:
    """Runs the current probe and tells of each change. `health` is "unknown" while nothing was measured, and without a probe."""

    def __init__(self, on_change: Callable[[Health], None]) -> None:
        self.health = Health(UNKNOWN, "no probe")
        self._on_change = on_change
        self._probe: Probe | None = None
        self._task: asyncio.Task[None] | None = None

    def configure(self, probe: Probe | None, why: str = "no probe") -> None:
        """Starts over when the probe is another one. `why` there is none."""
        if probe == self._probe and (self._task is not None or probe is None):
            if probe is None:
                self.health = Health(UNKNOWN, why)
            return
        self._probe = probe
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._set(Health(UNKNOWN, why if probe is None else "not probed yet"))
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

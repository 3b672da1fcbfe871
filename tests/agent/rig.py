"""A small control plane in memory (join over HTTPS, xDS and agent calls over mTLS) and real agents as processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import ssl
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import formatdate
from pathlib import Path
from typing import Any

from meshweb.agent import process
from meshweb.identity import csr, issue, join_token, keys
from meshweb.identity.spiffe_id import SpiffeId
from meshweb.xds.ports import ProxyIdentity, Refused
from meshweb.xds.server import XdsServer
from tests.xds.fakes import MemoryCounters, MemoryDirectory, MemorySource, MeshCa, RecordingStatus

LIFE = timedelta(hours=1)


class ControlPlane:
    """`join_statuses`: answers for the next joins before one succeeds. `reports`: everything the agents reported."""

    def __init__(self) -> None:
        self.ca = MeshCa()
        self.directory, self.source, self.status = MemoryDirectory(), MemorySource(), RecordingStatus()
        self.reports: list[tuple[str, dict[str, Any]]] = []
        self.configured: list[tuple[str, dict[str, Any]]] = []
        self.renewals: Counter[str] = Counter()
        self.settings: dict[str, Any] = {"ports": [], "probe": None, "reportSeconds": 0.5, "renewBefore": None}
        self.settings_of: dict[str, dict[str, Any]] = {}
        self.life = LIFE
        self.join_statuses: list[tuple[int, dict[str, Any]]] = []
        self.join_keys: list[str] = []
        self.fail_reports = False
        self._tokens: dict[str, tuple[bytes, SpiffeId]] = {}
        self._xds: XdsServer | None = None
        self._join: asyncio.Server | None = None
        self._credentials = self.ca.server()
        self.xds_port = self.join_port = 0

    async def start(self) -> None:
        """On the same ports as before when it was stopped."""
        self._join = await asyncio.start_server(
            self._serve_join, "127.0.0.1", self.join_port, ssl=self._tls(self.ca), limit=65536
        )
        self.join_port = self._join.sockets[0].getsockname()[1]
        await self.start_xds()

    async def start_xds(self) -> None:
        self._xds = XdsServer(
            directory=self.directory,
            source=self.source,
            status=self.status,
            agents=self,
            counters=MemoryCounters(),
            credentials=lambda: self._credentials,
        )
        self.xds_port = await self._xds.start(f"127.0.0.1:{self.xds_port}")

    async def stop_xds(self) -> None:
        if self._xds is not None:
            await self._xds.stop(0)
            self._xds = None

    async def stop(self) -> None:
        await self.stop_xds()
        if self._join is not None:
            self._join.close()

    def token(self, identity: SpiffeId) -> str:
        made = join_token.make(url=f"https://127.0.0.1:{self.join_port}", xds=f"127.0.0.1:{self.xds_port}", pin=self.ca.pin)
        self._tokens[made.public_id] = (join_token.hash_secret(made.secret), identity)
        return made.text()

    def _tls(self, ca: MeshCa) -> ssl.SSLContext:
        key = keys.make_key()
        server = ca.server(key)
        with tempfile.TemporaryDirectory() as directory:
            chain, private = Path(directory, "chain.pem"), Path(directory, "key.pem")
            chain.write_bytes(server.chain + ca.roots.encode())
            private.write_bytes(server.private_key.reveal())
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(chain, private)
        return context

    async def _serve_join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            if head.startswith("head /healthz"):
                date = formatdate(usegmt=True)
                writer.write(f"HTTP/1.1 200 OK\r\ndate: {date}\r\ncontent-length: 0\r\n\r\n".encode())
                await writer.drain()
                writer.close()
                return
            length = int(head.split("content-length:")[1].split()[0]) if "content-length:" in head else 0
            status, body = self._answer_join(json.loads(await reader.readexactly(length)))
            payload = json.dumps(body).encode()
            writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(payload)}\r\n\r\n".encode() + payload)
            await writer.drain()
        writer.close()

    def _answer_join(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        public_key = csr.check_csr(request["csr"])
        self.join_keys.append(keys.public_key_sha256(public_key))
        if self.join_statuses:
            return self.join_statuses.pop(0)
        found = self._tokens.get(request["id"])
        if found is None or not join_token.secret_matches(join_token.decode_secret(request["secret"]), found[0]):
            return 401, {"title": "Unauthorized", "detail": "this token is not valid"}
        identity = found[1]
        proxy = f"{identity.namespace}/{request['name']}"
        return 201, {
            "proxy": proxy,
            "identity": str(identity),
            "settings": self.settings_of.get(proxy, self.settings),
            **self._issue(proxy, identity, public_key),
        }

    def _issue(self, proxy: str, identity: SpiffeId, public_key: issue.LeafPublicKey) -> dict[str, Any]:
        chain, serial, ends = self.ca.leaf(public_key, identity, self.life)
        self.directory.add(proxy, str(identity), serial, ends.timestamp())
        return {
            "certificate": chain,
            "expiresAt": ends.isoformat(),
            "trustDomain": self.ca.trust_domain,
            "trustBundle": self.ca.roots,
        }

    # AgentApi

    async def configure(self, proxy: ProxyIdentity, payload: object) -> object:
        assert isinstance(payload, dict)
        self.configured.append((proxy.proxy_id, payload))
        return {
            "settings": self.settings_of.get(proxy.proxy_id, self.settings),
            "trustDomain": self.ca.trust_domain,
            "trustBundle": self.ca.roots,
        }

    async def renew(self, proxy: ProxyIdentity, payload: object) -> object:
        assert isinstance(payload, dict)
        self.renewals[proxy.proxy_id] += 1
        return self._issue(proxy.proxy_id, SpiffeId.parse(proxy.spiffe_id), csr.check_csr(payload["csr"]))

    async def report(self, proxy: ProxyIdentity, payload: object) -> object:
        assert isinstance(payload, dict)
        if self.fail_reports:
            raise Refused("not now")
        self.reports.append((proxy.proxy_id, payload))
        return {"settings": self.settings_of.get(proxy.proxy_id, self.settings)}


@dataclass
class App:
    """An HTTP application that answers every request with the caller's XFCC header."""

    host: str
    port: int
    delay: float = 0.0
    requests: int = 0
    healthy: bool = True
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.host, self.port)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled at the end of the test, when a sidecar still keeps its connection open.
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                if head.startswith("GET /healthz"):
                    status = "200 OK" if self.healthy else "503 No"
                    body = b""
                else:
                    self.requests += 1
                    await asyncio.sleep(self.delay)
                    lines = [line for line in head.split("\r\n") if line.lower().startswith("x-forwarded-client-cert:")]
                    status, body = "200 OK", (lines[0] if lines else "no client certificate").encode()
                writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
        writer.close()


async def get(host: str, port: int, path: str = "/") -> tuple[int, dict[str, str], bytes]:
    """One request on its own connection. Status 0: no connection, or it broke."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nhost: api.shop\r\nconnection: close\r\n\r\n".encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
    except OSError:
        return 0, {}, b""
    lines = head.decode("latin-1").split("\r\n")
    if not lines[0].startswith("HTTP/"):
        return 0, {}, b""
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    return int(lines[0].split()[1]), headers, body


@dataclass
class AgentProcess:
    """A real `meshweb-agent run`. `kill` and `stop` act on this process only."""

    data_dir: Path
    arguments: list[str]
    token: str = ""
    _child: asyncio.subprocess.Process | None = None
    pids: list[process.ProcessId] = field(default_factory=list)

    @property
    def log(self) -> str:
        path = self.data_dir.with_suffix(".log")
        return path.read_text() if path.exists() else ""

    async def start(self) -> None:
        environment = {**os.environ, "MESHWEB_JOIN_TOKEN": self.token, "PYTHONUNBUFFERED": "1"}
        with self.data_dir.with_suffix(".log").open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "meshweb.agent.main", "run", "--data-dir", str(self.data_dir), *self.arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        self._track(self._child.pid)

    def _track(self, pid: int) -> None:
        found = process.identify(pid)
        if found is not None and found not in self.pids:
            self.pids.append(found)

    @property
    def envoy_pid(self) -> int | None:
        with contextlib.suppress(FileNotFoundError):
            pid: int = json.loads((self.data_dir / "envoy.json").read_text())["pid"]
            self._track(pid)
            return pid
        return None

    async def kill(self) -> None:
        """As a crash does: nothing is cleaned up."""
        assert self._child is not None
        self.envoy_pid  # noqa: B018 - remembers the process for the clean-up
        self._child.kill()
        await self._child.wait()

    async def stop(self, timeout: float = 30) -> int:
        assert self._child is not None
        if self._child.returncode is None:
            self._child.terminate()
        async with asyncio.timeout(timeout):
            return await self._child.wait()

    async def exited(self, timeout: float = 20) -> int:
        assert self._child is not None
        async with asyncio.timeout(timeout):
            return await self._child.wait()

    def clean_up(self) -> None:
        """Ends whatever this agent started and is still there."""
        self.envoy_pid  # noqa: B018 - as above
        for found in self.pids:
            process.send(found, signal.SIGKILL)


async def command(data_dir: Path, *arguments: str) -> tuple[int, Any]:
    """Runs `meshweb-agent ... -o json`: exit code and parsed output."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "meshweb.agent.main", *arguments, "--data-dir", str(data_dir), "-o", "json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await child.communicate()
    return child.returncode or 0, json.loads(out) if out else error.decode()


async def until(condition: Any, what: str, timeout: float = 20.0) -> Any:
    """Polls a sync or async condition until it is true, and returns its value. Raises TimeoutError that says what was awaited."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(what)
        await asyncio.sleep(0.05)

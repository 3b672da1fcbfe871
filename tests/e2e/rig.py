"""The whole mesh as an operator has it: `manage.py up` as a process, agents as processes, real Envoys, applications and load."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from meshweb.agent import process
from meshweb.config.embedded.postgres import PostgresServer
from tests.agent.rig import AgentProcess, App, command, get, until
from tests.supervisor.rig import free_ports

ROOT = Path(__file__).resolve().parents[2]
Json = dict[str, Any]


class ControlPlane:
    """`manage.py up` on free ports, with all state in a directory of its own."""

    def __init__(self, **environment: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="meshweb-e2e-"))
        self.directory.chmod(0o711)
        self.web_port, self.tls_port, self.xds_port = free_ports(3)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MESHWEB_") and k not in {"DATABASE_URL", "REDIS_URL"}}
        self.environment = kept | {
            "MESHWEB_DATA_DIR": str(self.data_dir),
            "MESHWEB_WEB_PORT": str(self.web_port),
            "MESHWEB_TLS_PORT": str(self.tls_port),
            "MESHWEB_XDS_PORT": str(self.xds_port),
            "MESHWEB_REPORT_SECONDS": "1",
            "DJANGO_SETTINGS_MODULE": "meshweb.config.settings",
            **environment,
        }
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def data_dir(self) -> Path:
        return self.directory / "data"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def log(self) -> str:
        return (self.directory / "up.log").read_text()

    async def start(self) -> None:
        with (self.directory / "up.log").open("ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        await until(self._is_ready, "the control plane is ready", timeout=60)

    def _is_ready(self) -> bool:
        assert self._child is not None
        assert self._child.poll() is None, self.log[-3000:]
        return self.status().get("state") == "ready"

    def status(self) -> Json:
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            found: Json = json.loads((self.data_dir / "supervisor.json").read_text())
            return found
        return {}

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    @property
    def database_url(self) -> str:
        return PostgresServer(self.data_dir / "postgres").url

    async def until_compiled(self) -> None:
        """Everything that was written is published."""

        async def compiled() -> bool:
            newest = (await self.read("revisions?limit=1"))["items"][0]["number"]
            return (await self.read(f"revisions/{newest}"))["compiledAt"] is not None

        await until(compiled, "the newest revision is compiled", 120)

    async def settle_status(self) -> None:
        """The newest revision is live, and written down as such."""
        newest = (await self.read("revisions?limit=1"))["items"][0]["number"]
        assert (await self.read(f"revisions/{newest}?wait=120s"))["state"] == "live"

    def child(self, name: str) -> Json:
        return next(child for child in self.status()["children"] if child["name"] == name)

    def kill(self, name: str) -> None:
        """kill -9 of one process of ours."""
        child = self.child(name)
        if child["pid"]:
            process.send(process.ProcessId(child["pid"], child["started"]), signal.SIGKILL)

    async def recovered(self, name: str, restarts: int) -> None:
        await until(
            lambda: self.child(name)["state"] == "ready" and self.child(name)["restarts"] > restarts, f"{name} is back", 30
        )

    async def stop(self) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            await asyncio.to_thread(self._child.wait, 60)

    def clean_up(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- REST ---------------------------------------------------------------------------------------------------------

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        token = (self.data_dir / "admin.token").read_text().strip()
        sent = {"Authorization": f"Bearer {token}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with httpx.AsyncClient(base_url=f"{self.url}/api/v1/", timeout=60, trust_env=False) as client:
            return await client.request(method, path, json=body, headers=sent)

    async def read(self, path: str) -> Any:
        answer = await self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def apply(self, *documents: Json) -> int:
        """The revision, once it is live. Fails when it is not."""
        answer = await self.call("POST", "apply", list(documents))
        assert answer.status_code == 200, answer.text
        revision: int | None = answer.json()["revision"]
        assert revision is not None, "nothing changed"
        standing = await self.read(f"revisions/{revision}?wait=30s")
        assert standing["state"] == "live", standing
        return revision

    async def token(self, group: str, namespace: str = "shop", **fields: Any) -> str:
        answer = await self.call("POST", "join-tokens", {"namespace": namespace, "workloadGroup": group, **fields})
        assert answer.status_code == 201, answer.text
        text: str = answer.json()["token"]
        return text

    async def synced(self, *proxies: str) -> None:
        async def all_synced() -> bool:
            states = {proxy["id"]: proxy["state"] for proxy in (await self.read("proxies"))["items"]}
            return all(states.get(proxy) == "synced" for proxy in proxies)

        await until(all_synced, f"{', '.join(proxies)} are synced", 30)


@dataclass
class Vm:
    """One virtual machine: an application, its agent and its Envoy. The sidecar listens on `bind`, the application on `app_host`."""

    plane: ControlPlane
    number: int
    group: str
    port: int = 8080
    mode: str = "explicit"
    app: App = field(init=False)
    agent: AgentProcess = field(init=False)

    def __post_init__(self) -> None:
        self.app = App(self.app_host, self.port)
        flags = ["--name", self.name, "--mode", self.mode, "--bind", self.bind, "--app-address", self.app_host]
        self.agent = AgentProcess(self.plane.directory / self.name, flags)

    @property
    def name(self) -> str:
        return f"{self.group}-{self.number}"

    @property
    def proxy(self) -> str:
        return f"shop/{self.name}"

    @property
    def bind(self) -> str:
        return f"127.31.{self.number}.1"

    @property
    def app_host(self) -> str:
        return f"127.32.{self.number}.1"

    async def join(self, token: str | None = None) -> None:
        await self.app.start()
        self.agent.token = token or await self.plane.token(self.group)
        await self.agent.start()

    async def place(self, service: str, port: int = 8080) -> tuple[str, int]:
        """Where this VM's application calls a service."""

        async def find() -> tuple[str, int] | None:
            code, found = await command(self.agent.data_dir, "upstreams")
            if code:
                return None
            rows = found if isinstance(found, list) else found["upstreams"]
            row = next((r for r in rows if r["service"] == f"shop/{service}" and r["port"] == port), None)
            if row is None:
                return None
            host, _, number = row["address"].rpartition(":")
            return host, int(number)

        found: tuple[str, int] = await until(find, f"{self.name} knows {service}")
        return found

    async def stop(self) -> None:
        await self.agent.stop()
        await self.app.stop()


class Load:
    """A few workers that call one address as fast as they are answered, each call on its own connection."""

    def __init__(self, place: tuple[str, int], path: str = "/", workers: int = 4) -> None:
        self._place, self._path, self._workers = place, path, workers
        self.statuses: Counter[int] = Counter()
        self.failures: list[str] = []
        self._ended = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Load:
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._workers)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ended.set()
        await asyncio.gather(*self._tasks)

    async def _work(self) -> None:
        while not self._ended.is_set():
            begun = time.time()
            status, headers, body = await get(*self._place, self._path)
            self.statuses[status] += 1
            if status != 200:
                self.failures.append(f"{begun:.2f}: {status} {headers.get('server', '')} {body[:80]!r}")
            # 20 calls a second and worker are load enough on a small machine.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await self._ended.wait()

    async def more(self, count: int) -> None:
        """Waits for so many further calls."""
        wanted = self.statuses.total() + count
        await until(lambda: self.statuses.total() >= wanted, f"{count} more calls", 30)


@contextlib.asynccontextmanager
async def running(plane: ControlPlane, vms: Iterable[Vm]) -> AsyncIterator[None]:
    """Ends everything afterwards, whatever happened; shows the logs when it was bad."""
    machines = list(vms)
    try:
        yield
    finally:
        for vm in machines:
            with contextlib.suppress(AssertionError, TimeoutError):
                await vm.stop()
            vm.agent.clean_up()
        await plane.stop()
        plane.clean_up()

"""Brings the demo mesh up and down: control plane, documents, machines (program + agent + Envoy), load."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from deploy.demo.certificate import secret
from deploy.demo.graph import DIRECTORY, INGRESS, MACHINES, PORT, SHOP_HOST, Machine
from meshweb.agent import files, store, upstreams
from meshweb.agent.layout import Layout
from meshweb.cli import documents
from meshweb.cli.client import Client, Problem
from meshweb.cli.errors import CliError
from meshweb.config.supervisor.control_plane import prepare_directory
from meshweb.config.supervisor.logs import Output
from meshweb.config.supervisor.ports import require_free
from meshweb.config.supervisor.program import Program, with_ready_file
from meshweb.config.supervisor.supervisor import Supervisor

T = TypeVar("T")
ROOT = DIRECTORY.parents[1]
AT_ONCE = 2
"""Agents that start at the same time: a start costs a second of a core."""
_LIVE_SECONDS = 90.0
_CERTIFICATE = "shop-certificate"
_UPSTREAMS_SECONDS = 10.0
_CONTROL_PLANE_SECONDS = 120.0


class DemoFailed(Exception):
    """Shown with the places to look at."""


@dataclass(frozen=True, slots=True)
class Options:
    data_dir: Path
    port: int
    tls_port: int
    xds_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Of the control plane and its commands."""
        return {
            **os.environ,
            "MESHWEB_DATA_DIR": str(self.data_dir),
            "MESHWEB_WEB_PORT": str(self.port),
            "MESHWEB_TLS_PORT": str(self.tls_port),
            "MESHWEB_XDS_PORT": str(self.xds_port),
        }


class DemoMesh:
    """`say` shows one line about a step."""

    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        self.options = options
        self._say = say
        self._machines = options.data_dir / "demo"
        self._supervisor: Supervisor | None = None
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """The REST API as the local administrator."""
        if self._client is None:
            token = (self.options.data_dir / "admin.token").read_text().strip()
            self._client = Client(self.options.url, token)
        return self._client

    async def start(self) -> None:
        """Returns when every proxy is live and the load runs. Raises DemoFailed, ChildFailed, AlreadyRunning, PortTaken."""
        prepare_directory(self.options.data_dir)
        self._machines.mkdir(mode=0o700, exist_ok=True)
        output = Output(self.options.data_dir / "logs" / "demo")
        self._supervisor = supervisor = Supervisor(self.options.data_dir, output, name="demo")
        await supervisor.open()
        require_free(self._addresses())
        await self._step("control plane", supervisor.start(self._control_plane()))
        await self._step("documents", asyncio.to_thread(self._apply))
        known = await asyncio.to_thread(self._known)
        await self._step(f"{len(MACHINES)} machines, each with agent and Envoy", self._start_machines(supervisor, known))
        await self._step("every proxy live", self._await_live())
        await self._write_upstreams()
        await asyncio.gather(*(supervisor.start(self._application(machine)) for machine in MACHINES if machine.makes_load))
        await supervisor.start(self._visitors())
        supervisor.ready()

    async def stop(self) -> None:
        """Load first, then the machines at once, then the control plane."""
        if self._supervisor is not None:
            await self._supervisor.stop()
        if self._client is not None:
            self._client.close()

    def login_link(self) -> str:
        """Works once. Raises DemoFailed."""
        kept = (self.options.data_dir / "environment").read_text().splitlines()
        made = subprocess.run(
            [sys.executable, "manage.py", "login_link"],
            cwd=ROOT,
            env={**dict(line.split("=", 1) for line in kept), **self.options.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if made.returncode != 0:
            raise DemoFailed(f"manage.py login_link: {made.stderr.strip().splitlines()[-1:]}")
        return made.stdout.split()[-1]

    # -- steps ---------------------------------------------------------------------------------------------------------

    async def _step(self, what: str, work: Any) -> None:
        began = time.monotonic()
        await work
        self._say(f"· {what}: {time.monotonic() - began:.1f} s")

    def _addresses(self) -> dict[str, tuple[str, int]]:
        options = self.options
        own = {f"the address of {machine.proxy}": (machine.bind, PORT) for machine in MACHINES[:1]}
        ports = {"--port": options.port, "--tls-port": options.tls_port, "--xds-port": options.xds_port}
        return {**{flag: ("127.0.0.1", port) for flag, port in ports.items()}, **own}

    def _apply(self) -> None:
        found = documents.read([str(DIRECTORY)])
        self.client.call("POST", "/apply", query={"reason": "demo"}, yaml=documents.body(found), documents=found)
        # Once: another certificate with each start would be another revision with each start.
        if not any(one["metadata"]["name"] == _CERTIFICATE for one in self.client.pages("/secrets", namespace="shop")):
            self.client.call("POST", "/secrets", json=secret(_CERTIFICATE, "shop", SHOP_HOST))

    def _known(self) -> set[str]:
        return {proxy["id"] for proxy in self.client.pages("/proxies")}

    async def _start_machines(self, supervisor: Supervisor, known: set[str]) -> None:
        turn = asyncio.Semaphore(AT_ONCE)

        async def start(machine: Machine) -> None:
            async with turn:
                token = await asyncio.to_thread(self._token_for, machine, known)
                await supervisor.start(self._agent(machine, token))

        quiet = [machine for machine in MACHINES if not machine.makes_load and not machine.gateway]
        await asyncio.gather(*(supervisor.start(self._application(machine)) for machine in quiet))
        await asyncio.gather(*(start(machine) for machine in MACHINES))

    def _token_for(self, machine: Machine, known: set[str]) -> str | None:
        """None: it has joined before, and goes on with what it has on its disk."""
        directory = self._directory(machine)
        if (directory / "agent" / "state.json").exists():
            if machine.proxy in known:
                return None
            shutil.rmtree(directory / "agent")  # of a control plane whose state was thrown away
        wanted = {"namespace": machine.namespace, "workloadGroup": machine.group, "ttl": "10m", "uses": 1}
        token: str = self.client.call("POST", "/join-tokens", json=wanted).json()["token"]
        return token

    async def _await_live(self) -> None:
        def missing() -> list[str]:
            states = {proxy["id"]: proxy["state"] for proxy in self.client.pages("/proxies") if proxy["connected"]}
            return [f"{m.proxy} is {states.get(m.proxy, 'away')}" for m in MACHINES if states.get(m.proxy) != "synced"]

        left = await until(missing, lambda found: not found, _LIVE_SECONDS)
        if left:
            raise DemoFailed(f"not live after {_LIVE_SECONDS:g} s: {', '.join(left)}")

    async def _write_upstreams(self) -> None:
        """What `meshweb-agent upstreams -o json` prints, for the programs that call others. The agents write it a moment later."""
        for machine in MACHINES:
            if machine.calls:
                path = Layout(self._directory(machine) / "agent").snapshot

                def missing(
                    path: Path = path, needed: frozenset[str] = machine.calls
                ) -> tuple[list[dict[str, Any]], frozenset[str]]:
                    rows = upstreams.rows(store.read(path))
                    names = {row["service"] for row in rows}
                    return rows, frozenset() if "*" in names else needed - names

                rows, left = await until(missing, lambda found: not found[1], _UPSTREAMS_SECONDS, every=0.05)
                if left:
                    raise DemoFailed(f"{machine.proxy} has no listener for {', '.join(sorted(left))}")
                files.write_atomic(self._directory(machine) / "upstreams.json", json.dumps(rows, indent=1).encode())

    # -- programs ------------------------------------------------------------------------------------------------------

    def _directory(self, machine: Machine) -> Path:
        directory = self._machines / f"{machine.namespace}.{machine.name}"
        directory.mkdir(mode=0o700, exist_ok=True)
        return directory

    def _control_plane(self) -> Program:
        options = self.options
        ports = ["--port", options.port, "--tls-port", options.tls_port, "--xds-port", options.xds_port]
        status = options.data_dir / "supervisor.json"

        def ready(pid: int) -> bool:
            with contextlib.suppress(ValueError):
                found = files.read_json(status) or {}
                return found.get("pid") == pid and found.get("state") == "ready"
            return False

        return Program(
            name="control-plane",
            argv=(sys.executable, str(ROOT / "manage.py"), "up", "--no-login-link", *map(str, ports)),
            env=options.environment,
            ready=ready,
            ready_within=_CONTROL_PLANE_SECONDS,
            grace=60.0,
            console=False,
        )

    def _application(self, machine: Machine) -> Program:
        argv = (
            *(sys.executable, "-I", "-S", str(DIRECTORY / "shop.py"), machine.role),
            *("--listen", f"{machine.application}:{PORT}"),
            *("--upstreams", str(self._directory(machine) / "upstreams.json")),
            *machine.arguments,
        )
        stage = "load" if machine.makes_load else "machines"
        program = Program(name=machine.name, argv=argv, console=False, stage=stage, grace=3.0)
        return with_ready_file(program, self.options.data_dir / "ready" / f"demo-{machine.name}")

    def _visitors(self) -> Program:
        """Customers outside the mesh: no agent, no certificate, only the gateway's address."""
        path = self._machines / "visitors.json"
        row = {"service": "shop/web", "address": f"{INGRESS.bind}:{PORT}", "host": SHOP_HOST, "port": PORT}
        files.write_atomic(path, json.dumps([row], indent=1).encode())
        listen = ("--listen", f"{INGRESS.application}:{PORT}")
        argv = (
            sys.executable,
            "-I",
            "-S",
            str(DIRECTORY / "shop.py"),
            "visitors",
            *listen,
            "--upstreams",
            str(path),
            "--rate",
            "4",
        )
        program = Program(name="visitors", argv=argv, console=False, stage="load", grace=3.0)
        return with_ready_file(program, self.options.data_dir / "ready" / "demo-visitors")

    def _agent(self, machine: Machine, token: str | None) -> Program:
        layout = Layout(self._directory(machine) / "agent")
        sidecar = ("--mode", machine.mode, "--app-address", machine.application)
        argv = (
            *(sys.executable, "-m", "meshweb.agent.main", "run", "--name", machine.name),
            *(("--gateway", machine.gateway) if machine.gateway else sidecar),
            *("--bind", machine.bind, "--data-dir", str(layout.data_dir)),
            *("--concurrency", "1", "--drain-seconds", "1"),
        )

        def ready(pid: int) -> bool:
            with contextlib.suppress(ValueError):
                return (files.read_json(layout.pid) or {}).get("pid") == pid
            return False

        env = {**os.environ, **({"MESHWEB_JOIN_TOKEN": token} if token is not None else {})}
        return Program(name=f"{machine.name}-agent", argv=argv, env=env, ready=ready, console=False, stage="machines")


async def until(probe: Callable[[], T], wanted: Callable[[T], bool], seconds: float, every: float = 0.2) -> T:
    """The first wanted answer, or the last one when the time is over. An answer that cannot be had yet is asked for again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = await asyncio.to_thread(probe)
        except (CliError, Problem):
            if time.monotonic() > deadline:
                raise
        else:
            if wanted(found) or time.monotonic() > deadline:
                return found
        await asyncio.sleep(every)

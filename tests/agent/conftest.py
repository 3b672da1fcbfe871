"""A mesh of two real sidecars: `shop/web-1` calls `shop/api-1`."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from meshweb.identity.spiffe_id import SpiffeId
from tests.agent import configs
from tests.agent.rig import AgentProcess, App, ControlPlane, get, until

_slices = itertools.count(os.getpid() % 200)


class Mesh:
    """Addresses come from a 127.N.0.0/16 of its own, so that several runs do not collide."""

    def __init__(self, directory: Path) -> None:
        number = 128 + next(_slices) % 100
        self.web_bind, self.api_bind = f"127.{number}.1.1", f"127.{number}.2.1"
        self.api_port, self.local_port = 18080, 20001
        self.control_plane = ControlPlane()
        self.app = App(f"127.{number}.2.2", self.api_port)
        self.directory = directory
        self.agents: list[AgentProcess] = []
        self.revision = 0
        self.version = "1"

    def agent(self, name: str, account: str, bind: str, *more: str) -> AgentProcess:
        token = self.control_plane.token(SpiffeId("cluster.local", "shop", account))
        arguments = ["--name", name, "--mode", "explicit", "--bind", bind, *more]
        made = AgentProcess(self.directory / name, [*arguments, "--concurrency", "1", "--drain-seconds", "2"], token)
        self.agents.append(made)
        return made

    async def start(self) -> None:
        await self.control_plane.start()
        await self.app.start()
        self.publish()
        self.web = self.agent("web-1", "web", self.web_bind)
        self.api = self.agent("api-1", "api", self.api_bind, "--app-address", self.app.host)
        await asyncio.gather(self.web.start(), self.api.start())
        for name in ("shop/web-1", "shop/api-1"):
            await self.control_plane.status.wait("live", name, revision=self.revision)
        await until(self.works, "the first request")

    def publish(self, version: str | None = None) -> None:
        self.revision += 1
        self.version = version or self.version
        source = self.control_plane.source
        endpoint, identity = (self.api_bind, self.api_port), "spiffe://cluster.local/ns/shop/sa/api"
        web = configs.outbound(self.web_bind, self.local_port, [endpoint], identity, self.version)
        source.set("shop/web-1", configs.snapshot(self.revision, *web))
        api = configs.inbound(self.api_bind, self.api_port, self.app.host)
        source.set("shop/api-1", configs.snapshot(self.revision, *api))

    async def call(self, path: str = "/") -> tuple[int, dict[str, str], bytes]:
        return await get(self.web_bind, self.local_port, path)

    async def works(self) -> bool:
        return (await self.call())[0] == 200

    async def stop(self) -> None:
        for agent in self.agents:
            agent.clean_up()
        await self.app.stop()
        await self.control_plane.stop()


@pytest_asyncio.fixture
async def mesh(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Mesh]:
    made = Mesh(tmp_path)
    try:
        await made.start()
        yield made
    except BaseException:
        _print_logs(made)
        raise
    finally:
        await made.stop()


def _print_logs(made: Mesh) -> None:
    for agent in made.agents:
        print(f"--- {agent.data_dir.name}\n{agent.log}")
        path = agent.data_dir / "envoy.log"
        if path.exists():
            print(f"--- Envoy of {agent.data_dir.name}\n{path.read_text()[-4000:]}")


@pytest.fixture(autouse=True)
def _logs_of_failures(request: pytest.FixtureRequest) -> None:
    """Captured output of a failed test shows the logs of its processes."""
    if "mesh" in request.fixturenames:
        made = request.getfixturevalue("mesh")
        request.addfinalizer(lambda: _print_logs(made))

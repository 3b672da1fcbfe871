"""An agent as gateway: real agent, real Envoy, a control plane in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from meshweb.identity.spiffe_id import SpiffeId
from tests.agent.rig import AgentProcess, ControlPlane, command, until


@pytest_asyncio.fixture
async def control_plane() -> AsyncIterator[ControlPlane]:
    made = ControlPlane()
    await made.start()
    yield made
    await made.stop()


async def test_the_gateway_is_remembered_and_told(control_plane: ControlPlane, tmp_path: Path) -> None:
    token = control_plane.token(SpiffeId("cluster.local", "shop", "edge"))
    agent = AgentProcess(tmp_path / "edge-1", ["--name", "edge-1", "--gateway", "ingress", "--bind", "127.121.1.1"], token)
    told = control_plane.configured

    async def shown() -> bool:
        code, status = await command(agent.data_dir, "status")
        return code == 0 and bool(status.get("gateway") == "ingress")

    try:
        await agent.start()
        await until(lambda: len(told) == 1, "the agent says how it runs")
        await until(shown, "the status shows it")
        assert await agent.stop() == 0
        agent.arguments = []
        await agent.start()
        await until(lambda: len(told) == 2, "it says so again")
        assert [payload["gateway"] for _, payload in told] == ["ingress", "ingress"]
        assert await agent.stop() == 0
        agent.arguments = ["--gateway", "", "--mode", "explicit"]
        await agent.start()
        await until(lambda: len(told) == 3, "it is a sidecar again")
        assert (told[2][1]["gateway"], told[2][1]["bind"]) == ("", "127.121.1.1")
    finally:
        agent.clean_up()

"""Each process dies in turn under load: sidecars go on, no acknowledged write is lost, and everything converges again."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from typing import Any

import httpx
import pytest

from meshweb.agent import process
from tests import factories as make
from tests.agent.rig import get, until
from tests.e2e.conftest import Mesh
from tests.e2e.rig import ControlPlane, Load

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


async def _write(plane: ControlPlane, label: str) -> int | None:
    """A change of weights; None when it was not acknowledged."""
    route = make.route("pay", {"pay-a": 1, "pay-b": 1}) | {}
    route["metadata"]["annotations"] = {"test": label}
    route["spec"]["rules"][0]["backendRefs"][0]["weight"] = 1 + int(time.time()) % 100
    try:
        answer = await plane.call("POST", "apply", [route])
    except httpx.HTTPError:
        return None
    return answer.json()["revision"] if answer.status_code == 200 else None


async def _kept(plane: ControlPlane, label: str) -> bool:
    found = await plane.read("httproutes/shop/pay")
    return bool(found["metadata"]["annotations"].get("test") == label)


@pytest.mark.parametrize("name", ["web", "xds", "config", "tasks", "beat", "valkey"])
async def test_a_process_dies(mesh: Mesh, name: str) -> None:
    plane = mesh.plane
    restarts = plane.child(name)["restarts"]
    async with Load(await mesh.web.place("pay")) as load:
        await load.more(20)
        plane.kill(name)
        acknowledged = await _write(plane, f"during {name}")
        await plane.recovered(name, restarts)
        back = time.monotonic()
        revision = await _acknowledged(plane, f"after {name}")
        standing = await plane.read(f"revisions/{revision}?wait=20s")
        assert standing["state"] == "live", standing
        assert time.monotonic() - back < 10, "converged within 10 s after it returned"
        await load.more(20)
    assert load.failures == []
    if acknowledged is not None:
        assert (await plane.read(f"revisions/{acknowledged}?wait=20s"))["state"] in {"live", "superseded"}
    assert await _kept(plane, f"after {name}")


async def _acknowledged(plane: ControlPlane, label: str) -> int:
    revision: int = await until(lambda: _write(plane, label), "a write is acknowledged", 15)
    return revision


async def test_postgres_is_away_for_ten_seconds(mesh: Mesh) -> None:
    plane = mesh.plane
    before = await _acknowledged(plane, "before the outage")
    restarts = plane.child("postgres")["restarts"]
    async with Load(await mesh.web.place("pay")) as load:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            plane.kill("postgres")
            await load.more(10)
        refused = await plane.call("GET", "services")
        assert refused.status_code in {200, 503}, refused.text
        await plane.recovered("postgres", restarts)
        back = time.monotonic()
        revision = await _acknowledged(plane, "after the outage")
        standing = await plane.read(f"revisions/{revision}?wait=20s")
        assert standing["state"] == "live", standing
        assert time.monotonic() - back < 10
    assert load.failures == []
    assert (await plane.read(f"revisions/{before}"))["number"] == before


async def test_an_agent_dies(mesh: Mesh) -> None:
    async with Load(await mesh.web.place("pay")) as load:
        await load.more(20)
        await mesh.a.agent.kill()
        await load.more(20)
        await mesh.a.agent.start()
        await mesh.plane.synced(mesh.a.proxy)
        await load.more(20)
    assert load.failures == []


async def test_a_reboot_with_the_control_plane_away(mesh: Mesh) -> None:
    plane = mesh.plane
    place = await mesh.web.place("pay")
    await plane.stop()
    for vm in (mesh.web, mesh.a):
        vm.agent.envoy_pid  # noqa: B018 - remembers the process
        envoy = vm.agent.pids[-1]
        await vm.agent.kill()
        process.send(envoy, signal.SIGKILL)
    await asyncio.gather(mesh.web.agent.start(), mesh.a.agent.start())

    async def serves() -> bool:
        return (await get(*place))[0] == 200

    await until(serves, "the sidecars serve from disk", 20)
    answers = [await get(*place) for _ in range(20)]
    assert [status for status, _, _ in answers] == [200] * 20
    await plane.start()
    await plane.synced(mesh.web.proxy, mesh.a.proxy, mesh.b.proxy)
    await plane.apply(make.route("pay", {"pay-a": 3, "pay-b": 1}))


async def test_what_one_envoy_refuses_harms_nobody_else(mesh: Mesh) -> None:
    """A local address that is taken on one VM: valid for everybody, refused there, in Envoy's own words."""
    plane = mesh.plane
    # A service keeps its local address also while it is gone: made once, it tells where it will be.
    await plane.apply(make.service("late"))
    place = await mesh.web.place("late")
    assert (await plane.call("DELETE", "services/shop/late", If_Match="*")).status_code == 204
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    await until(lambda: _listens(taken, place), "Envoy gave the address back")
    try:
        answer = await plane.call("POST", "apply", [make.service("late")])
        revision = answer.json()["revision"]
        assert (await plane.read(f"revisions/{revision}?wait=20s"))["state"] == "rejected"
        # A refusal decides at once; the others may still be about to say that they took it.
        standing = await _all_said(plane, revision)
        fates = {p["id"]: (p["state"], p["detail"]) for p in standing["proxies"]}
        assert fates[mesh.web.proxy][0] == "rejected"
        assert "Address already in use" in fates[mesh.web.proxy][1]
        assert {fates[vm.proxy][0] for vm in (mesh.a, mesh.b)} == {"live"}
        shown = await plane.read(f"proxies/{mesh.web.proxy}")
        refused = {t["type"]: t["detail"] for t in shown["types"] if t["state"] == "rejected"}
        assert shown["state"] == "rejected"
        assert "Address already in use" in refused["Listeners"]
        condition = {c["type"]: c for c in (await plane.read("services/shop/late"))["status"]["conditions"]}["Programmed"]
        assert (condition["status"], mesh.web.proxy in condition["message"]) == ("False", True)
        status, _, _ = await get(*await mesh.web.place("pay"))
        assert status == 200, "what it had before still works"
    finally:
        taken.close()
    assert (await plane.call("DELETE", "services/shop/late", If_Match="*")).status_code == 204
    await plane.synced(mesh.web.proxy, mesh.a.proxy, mesh.b.proxy)


async def _all_said(plane: ControlPlane, revision: int) -> Any:
    async def said() -> Any:
        standing = await plane.read(f"revisions/{revision}")
        return None if any(proxy["state"] == "pending" for proxy in standing["proxies"]) else standing

    return await until(said, "every proxy took or refused it", 20)


def _listens(taken: socket.socket, place: tuple[str, int]) -> bool:
    try:
        taken.bind(place)
        taken.listen()
    except OSError:
        return False
    return True

"""An endpoint that fails its check is seen so by its callers, and the operator sees that; and that it recovers."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import pytest

from tests import factories as make
from tests.agent.rig import until
from tests.e2e.conftest import Mesh

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

CHECK = make.document(
    "HealthCheck",
    "pay",
    {
        "targetRefs": [{"name": "pay-a"}, {"name": "pay-b"}],
        "http": {"path": "/healthz"},
        "interval": "200ms",
        "unhealthyThreshold": 2,
    },
)


async def _calls_of_pay(mesh: Mesh) -> dict[str, int]:
    """Requests of the last minute, by who was called."""
    edges = (await mesh.plane.read("topology?window=60s"))["edges"]
    return {edge["destination"]: edge["requests"] for edge in edges if edge["source"] == "shop/pay"}


async def _meshctl(mesh: Mesh, *arguments: str) -> tuple[int, str]:
    token = (mesh.plane.data_dir / "admin.token").read_text().strip()
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "meshweb.cli.main",
        *arguments,
        env={**os.environ, "MESHWEB_URL": mesh.plane.url, "MESHWEB_TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await child.communicate()
    assert child.returncode is not None
    return child.returncode, out.decode()


async def test_a_failing_endpoint_is_seen_by_its_callers_and_recovers(mesh: Mesh) -> None:
    plane, before = mesh.plane, await _calls_of_pay(mesh)
    try:
        await plane.apply(CHECK)
        await _fails_and_recovers(mesh)
        after = await _calls_of_pay(mesh)
        more = [called for called, requests in after.items() if requests > before.get(called, 0)]
        assert not more, "checks are no calls between services"
    finally:
        await plane.call("DELETE", "healthchecks/shop/pay", If_Match="*")
    await plane.settle_status()


async def _fails_and_recovers(mesh: Mesh) -> None:
    plane = mesh.plane

    async def seen(healthy: int, workload: str = mesh.a.proxy) -> Any:
        found = (await plane.read(f"workloads/{workload}"))["seen"]
        return found if (found["callers"], found["healthy"]) == (3, healthy) else None

    await until(lambda: seen(3), "all callers check it, and see it healthy", 20)
    mesh.a.app.healthy = False
    try:
        found = await until(lambda: seen(0), "no caller sees it healthy", 10)
        assert {(e["caller"], e["state"], e["service"]) for e in found["out"]} == {
            (vm.proxy, "failing", "shop/pay-a") for vm in (mesh.web, mesh.a, mesh.b)
        }
        await until(lambda: seen(3, mesh.b.proxy), "the other one is healthy", 10)
        code, out = await _meshctl(mesh, "workload", "get", mesh.a.proxy)
        assert code == 3
        assert "0 of 3 healthy, 3 failing" in out
        code, out = await _meshctl(mesh, "proxy", "endpoints", mesh.web.proxy)
        row = next(line.split() for line in out.splitlines() if line.startswith("shop/pay-a:"))
        assert (code, row[2]) == (0, "failing")
    finally:
        mesh.a.app.healthy = True
    await until(lambda: seen(3), "it recovers", 10)
    assert (await _meshctl(mesh, "workload", "get", mesh.a.proxy))[0] == 0

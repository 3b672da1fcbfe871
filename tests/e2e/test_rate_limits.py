"""A limit that all proxies count together, with the real control plane between them; and what is seen when nobody counts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests import factories as make
from tests.agent.rig import get, until
from tests.e2e.conftest import Mesh

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAME = "ratelimits/shop/pay"


def _limit(failure_mode: str, requests: int) -> dict[str, Any]:
    spec = {
        "targetRefs": [{"name": "pay-a"}, {"name": "pay-b"}],
        "failureMode": failure_mode,
        "limits": [{"name": "all", "type": "Global", "requests": requests, "per": "1h"}],
    }
    return make.document("RateLimit", "pay", spec)


async def test_two_workloads_count_together_and_an_outage_is_seen(mesh: Mesh) -> None:
    plane, place = mesh.plane, await mesh.web.place("pay")
    try:
        await plane.apply(_limit("Closed", 6))
        answers = [await get(*place) for _ in range(16)]
        assert Counter(status for status, _, _ in answers) == {200: 6, 429: 10}
        await _reported(mesh, "limited", 10)
        await plane.apply(_limit("Closed", 1_000_000))
        restarts = plane.child("valkey")["restarts"]

        async def refused() -> bool:
            plane.kill("valkey")
            return (await get(*place))[0] == 503

        await until(refused, "a request is refused while nobody counts", 20)
        await plane.recovered("valkey", restarts)
        await _reported(mesh, "unanswered", 1)
        conditions = {c["type"]: c for c in (await plane.read(NAME))["status"]["conditions"]}
        assert (conditions["Counted"]["status"], conditions["Counted"]["reason"]) == ("False", "CountersUnavailable")
        assert "were refused" in conditions["Counted"]["message"]

        async def served() -> bool:
            return (await get(*place))[0] == 200

        await until(served, "it counts again", 20)
    finally:
        await plane.call("DELETE", NAME, If_Match="*")


async def _reported(mesh: Mesh, which: str, least: int) -> None:
    async def told() -> bool:
        return bool((await mesh.plane.read(NAME))["status"]["requests"][which] >= least)

    await until(told, f"{least} requests are reported as {which}", 20)

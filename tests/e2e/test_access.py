"""From who called to a policy: seen, suggested, tried out in the shadow, enforced."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agent.rig import get, until
from tests.e2e.conftest import Mesh

pytestmark = pytest.mark.asyncio(loop_scope="session")

Json = dict[str, Any]
WEB, SELF = "shop/web", "shop/pay"
"""As telemetry names the callers: pay calls itself, which nobody saw before."""


async def _suggested(mesh: Mesh, query: str = "") -> tuple[Json, str]:
    """For pay, and up to when its callers were seen."""
    found = await mesh.plane.read(f"access-suggestions?service=shop/pay&window=30m{query}")
    return next(iter(found["items"]), {}), found["to"]


async def _seen(mesh: Mesh) -> tuple[Json, str]:
    async def told() -> bool:
        item, _ = await _suggested(mesh)
        return [caller["name"] for caller in item.get("admitted", ())] == [WEB]

    await until(told, "web was seen", 30)
    return await _suggested(mesh)


async def _denied(mesh: Mesh, *, dry_run: bool) -> dict[str, int]:
    found = (await mesh.plane.read("denials?destination=shop/pay&window=5m"))["items"]
    return {denied["source"]: denied["requests"] for denied in found if denied["dryRun"] is dry_run}


async def test_a_suggestion_is_tried_out_and_then_enforced(mesh: Mesh) -> None:
    plane = mesh.plane
    from_web, from_pay = await mesh.web.place("pay"), await mesh.a.place("pay")
    policy: Json = {"metadata": {"name": "none"}}
    try:
        assert [(await get(*from_web, "/x"))[0] for _ in range(5)] == [200] * 5
        item, until_when = await _seen(mesh)
        policy = item["policy"]
        assert SELF in {caller["name"] for caller in item["unseen"]}

        await plane.apply(policy)
        before = await _denied(mesh, dry_run=True)
        assert [(await get(*place, "/x"))[0] for place in (from_web, from_pay) for _ in range(4)] == [200] * 8

        async def told() -> bool:
            now = await _denied(mesh, dry_run=True)
            return {name: now[name] - before.get(name, 0) for name in now if now[name] != before.get(name, 0)} == {SELF: 4}

        await until(told, "the shadow would deny the caller that nobody saw, and nobody else", 30)

        enforced, _ = await _suggested(mesh, f"&enforce=true&at={until_when}")
        assert enforced["policy"]["spec"] == policy["spec"]
        impact = (await plane.call("POST", "apply?dryRun=true", [enforced["policy"]])).json()["impact"]["access"]
        assert [(change["fate"], change["source"]) for change in impact["changes"]] == [("newlyDenied", SELF)]
        await plane.apply(enforced["policy"])
        assert [(await get(*from_web, "/x"))[0] for _ in range(3)] == [200] * 3
        assert [(await get(*from_pay, "/x"))[0] for _ in range(3)] == [403] * 3

        async def in_the_matrix() -> bool:
            found = await plane.read("access-matrix?service=shop/pay")
            cells = {cell["caller"]: (cell["access"], cell["state"], cell["denied"]) for cell in found["cells"]}
            return cells[WEB] == ("allowed", "allowed", cells[WEB][2]) and cells[SELF] == ("denied", "denied", 3)

        await until(in_the_matrix, "the matrix shows what is allowed and used, and what is denied", 30)
    finally:
        await plane.call("DELETE", f"authorizationpolicies/shop/{policy['metadata']['name']}", If_Match="*")

"""Who may call, from the document to the reason: what explain says, what Envoys do, and what is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests import factories as make
from tests.agent.rig import get, until
from tests.e2e.conftest import Mesh

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMES = ("no-admin", "tried", "callers")


def _policies() -> list[dict[str, Any]]:
    selector = {"matchLabels": {"app": "pay"}}
    admin = [{"to": [{"operation": {"paths": ["/free"]}}]}, {"to": [{"operation": {"paths": ["/admin", "/admin/*"]}}]}]
    tried = [{"to": [{"operation": {"paths": ["/watched"]}}]}]
    callers = [{"to": [{"operation": {"methods": ["GET"], "notPaths": ["/nobody"]}}]}]
    policy = "AuthorizationPolicy"
    return [
        make.document(policy, "no-admin", {"selector": selector, "action": "DENY", "rules": admin}),
        make.document(
            policy,
            "tried",
            {"selector": selector, "action": "DENY", "rules": tried},
            annotations={"istio.io/dry-run": "true"},
        ),
        make.document(policy, "callers", {"selector": selector, "action": "ALLOW", "rules": callers}),
    ]


async def test_a_denial_names_its_rule_wherever_it_is_asked(mesh: Mesh) -> None:
    plane, place = mesh.plane, await mesh.web.place("pay")
    expected = {"/x": (200, "allow"), "/admin/x": (403, "deny"), "/nobody": (403, "deny"), "/watched": (200, "allow")}
    try:
        await plane.apply(*_policies())
        for path, (status, decision) in expected.items():
            assert [(await get(*place, path))[0] for _ in range(3)] == [status] * 3, path
            answer = await plane.call("POST", "explain", {"from": mesh.web.proxy, "to": "shop/pay", "path": path})
            assert answer.json()["decision"] == decision, answer.text
        wanted = {
            ("AuthorizationPolicy shop/no-admin", "/spec/rules/1", False): 3,
            (None, "", False): 3,
            ("AuthorizationPolicy shop/tried", "/spec/rules/0", True): 3,
        }

        async def told() -> bool:
            found = (await plane.read("denials?source=shop/web&window=5m"))["items"]
            return {(d["document"], d["field"], d["dryRun"]): d["requests"] for d in found} == wanted

        await until(told, "each denial is told with its rule", 30)
    finally:
        for name in NAMES:
            await plane.call("DELETE", f"authorizationpolicies/shop/{name}", If_Match="*")

"""Changes under load: make before break, and certificates that come and go."""

from __future__ import annotations

import asyncio

import pytest

from tests import factories as make
from tests.agent.rig import until
from tests.e2e.conftest import DOCUMENTS, Mesh
from tests.e2e.rig import ControlPlane, Load, Vm, running

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

SWAPS = 200


async def test_two_hundred_swaps_of_route_and_cluster_without_a_failure(mesh: Mesh) -> None:
    """Each swap makes a new service (cluster and endpoints), points the route at it, and removes the one before."""
    plane = mesh.plane
    async with Load(await mesh.web.place("pay"), workers=6) as load:
        last = ""
        for number in range(SWAPS):
            name = f"swap-{number % 7}"
            new = make.document("Service", name, {"selector": {"app": "pay"}, "ports": [{"name": "http", "port": 8080}]})
            answer = await plane.call("POST", "apply", [new, make.route("pay", {name: 1})])
            assert answer.status_code == 200, answer.text
            if last:
                gone = await plane.call("DELETE", f"services/shop/{last}", If_Match="*")
                assert gone.status_code == 204, gone.text
            last = name
        newest = (await plane.read("revisions?limit=1"))["items"][0]["number"]
        assert (await plane.read(f"revisions/{newest}?wait=20s"))["state"] == "live"
        await load.more(20)
    assert load.failures == []
    assert load.statuses.total() > SWAPS
    await plane.apply(make.route("pay", {"pay-a": 1, "pay-b": 1}))
    assert (await plane.call("DELETE", f"services/shop/{last}", If_Match="*")).status_code == 204


async def test_weights_and_denials_are_live_as_written(mesh: Mesh) -> None:
    plane = mesh.plane
    place = await mesh.web.place("pay")
    await plane.apply(make.route("pay", {"pay-a": 1, "pay-b": 0}))
    before = mesh.b.app.requests
    async with Load(place) as load:
        await load.more(60)
    assert mesh.b.app.requests == before, "weight 0 takes nothing"
    deny = make.document(
        "AuthorizationPolicy",
        "no-web",
        {
            "selector": {"matchLabels": {"app": "pay"}},
            "action": "DENY",
            "rules": [{"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/web"]}}]}],
        },
    )
    await plane.apply(deny)
    async with Load(place) as denied:
        await denied.more(20)
    assert set(denied.statuses) == {403}
    assert (await plane.call("DELETE", "authorizationpolicies/shop/no-web", If_Match="*")).status_code == 204

    async def denial_is_counted() -> bool:
        edges = (await plane.read("topology?window=60s"))["edges"]
        edge = next((e for e in edges if (e["source"], e["destination"]) == ("shop/web", "shop/pay")), None)
        return edge is not None and edge["denied"] > 0 and edge["mtls"] is True

    await until(denial_is_counted, "the topology shows the denial", 25)
    await plane.apply(make.route("pay", {"pay-a": 1, "pay-b": 1}))


async def test_certificates_rotate_every_few_seconds_without_a_failure() -> None:
    plane = ControlPlane(MESHWEB_CERTIFICATE_TTL="10s")
    web, pay = Vm(plane, 11, "web"), Vm(plane, 12, "pay-a")
    async with running(plane, (web, pay)):
        await plane.start()
        await plane.apply(*DOCUMENTS[:-1], make.route("pay", {"pay-a": 1}))
        await asyncio.gather(web.join(), pay.join())
        await plane.synced(web.proxy, pay.proxy)

        async def issued() -> int:
            return len((await plane.read(f"certificates?proxy={web.proxy}"))["items"])

        async with Load(await web.place("pay")) as load:
            first = await issued()

            async def rotated() -> bool:
                return await issued() >= first + 4

            await until(rotated, "four rotations", 60)
            await load.more(20)
        assert load.failures == []
        assert (await plane.read(f"proxies/{web.proxy}"))["state"] == "synced"

"""A gateway: joined like any VM, serving HTTPS to the world with the certificate of a Secret."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests import certificates, factories as make, https
from tests.agent.rig import AgentProcess, until
from tests.e2e.conftest import Mesh

pytestmark = pytest.mark.asyncio(loop_scope="session")

BIND, PORT, NAME = "127.31.90.1", 8443, "shop.example.com"
GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
Json = dict[str, Any]


def _documents(pair: certificates.Pair) -> list[Json]:
    tls = {"certificateRefs": [{"name": "shop-tls"}]}
    listener = {"name": "https", "port": PORT, "protocol": "HTTPS", "hostname": NAME, "tls": tls}
    backends = [{"name": "web", "port": 8080}]
    return [
        make.secret("shop-tls", pair.plain),
        make.document("Gateway", "public", {"gatewayClassName": "meshweb", "listeners": [listener]}),
        make.document("HTTPRoute", "public", {"parentRefs": [{"name": "public"}], "rules": [{"backendRefs": backends}]}),
        make.group("edge", 8080, **{GATEWAY_NAME: "public"}),
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def edge(mesh: Mesh) -> AsyncIterator[AgentProcess]:
    """The gateway `shop/edge-1`, and the documents that it serves."""
    plane, pair = mesh.plane, certificates.server(NAME)
    await plane.apply(*_documents(pair))
    flags = ["--name", "edge-1", "--gateway", "public", "--bind", BIND]
    agent = AgentProcess(plane.directory / "edge-1", flags, await plane.token("edge"))
    await agent.start()
    try:
        await plane.synced("shop/edge-1")
        assert await https.certificate(BIND, PORT, NAME) == pair.der
        yield agent
    finally:
        with contextlib.suppress(TimeoutError):
            await agent.stop()
        agent.clean_up()
        await plane.call("DELETE", "proxies/shop/edge-1")
        for place in ("httproutes/shop/public", "gateways/shop/public", "secrets/shop/shop-tls", "workloadgroups/shop/edge"):
            await plane.call("DELETE", place, If_Match="*")


async def test_the_world_reaches_a_service_and_a_renewal_drops_nobody(mesh: Mesh, edge: AgentProcess) -> None:
    async with https.Connection(BIND, PORT, NAME) as connection:
        status, body = await connection.get()
    assert (status, b"URI=spiffe://cluster.local/ns/shop/sa/edge" in body) == (200, True), body
    shown = await mesh.plane.read("proxies/shop/edge-1")
    assert (shown["gateway"], shown["state"]) == ("public", "synced")
    assert {item["type"]: item["state"] for item in shown["types"]}["Secrets"] == "synced"

    ended, calls, handshakes = asyncio.Event(), [0], [0]
    failures: list[str] = []

    async def keep_calling() -> None:
        async with https.Connection(BIND, PORT, NAME) as connection:
            while not ended.is_set():
                status, _ = await connection.get()
                calls[0] += 1
                if status != 200:
                    failures.append(f"status {status}")

    async def keep_connecting() -> None:
        while not ended.is_set():
            try:
                async with https.Connection(BIND, PORT, NAME) as connection:
                    assert (await connection.get())[0] == 200
                handshakes[0] += 1
            except (OSError, AssertionError, asyncio.IncompleteReadError) as error:
                failures.append(repr(error))

    workers = [asyncio.create_task(work()) for work in (keep_calling, keep_connecting)]
    try:
        for _ in range(3):
            renewed, before = certificates.server(NAME), handshakes[0]
            await mesh.plane.apply(make.secret("shop-tls", renewed.plain))
            assert await https.certificate(BIND, PORT, NAME) == renewed.der, "what is live is what is shown"
            await until(lambda n=before: handshakes[0] > n + 10, "more connections")
    finally:
        ended.set()
        results = await asyncio.gather(*workers, return_exceptions=True)
    assert (failures, results) == ([], [None, None])
    assert calls[0] > 30


async def test_a_gateway_whose_secret_is_gone_answers_nobody(mesh: Mesh, edge: AgentProcess) -> None:
    plane = mesh.plane
    answer = await plane.call("DELETE", "secrets/shop/shop-tls", If_Match="*")
    revision = answer.headers["Meshweb-Revision"]
    assert (await plane.read(f"revisions/{revision}?wait=30s"))["state"] == "live"
    assert await https.certificate(BIND, PORT, NAME) is None
    rolled = await plane.call("POST", f"revisions/{revision}/rollback")
    assert rolled.status_code == 200, rolled.text
    assert (await plane.read(f"revisions/{rolled.json()['revision']}?wait=30s"))["state"] == "live"
    assert await https.certificate(BIND, PORT, NAME) is not None


async def test_a_machine_of_another_group_is_no_gateway(mesh: Mesh) -> None:
    flags = ["--name", "edge-2", "--gateway", "public", "--bind", "127.31.91.1"]
    agent = AgentProcess(mesh.plane.directory / "edge-2", flags, await mesh.plane.token("web"))
    await agent.start()
    try:
        assert await agent.exited() == 1
        assert "WorkloadGroup web makes no gateway public" in agent.log
    finally:
        agent.clean_up()
    assert (await mesh.plane.call("GET", "proxies/shop/edge-2")).status_code == 404


async def test_no_value_is_in_a_log_or_on_a_disk_in_plain(mesh: Mesh, edge: AgentProcess) -> None:
    """Neither the control plane's logs nor its database files; the gateway's own disk holds it, for its owner only."""
    pair = certificates.server(NAME)
    await mesh.plane.apply(make.secret("shop-tls", pair.plain))
    needles = [line.encode() for line in pair.key.splitlines()[1:-1]] + [pair.data["tls.key"][100:160].encode()]
    searched = 0
    for path in mesh.plane.data_dir.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            searched += 1
            assert not any(needle in content for needle in needles), path
    assert searched > 100
    assert not any(needle in mesh.plane.log.encode() for needle in needles)
    assert not any(needle in edge.log.encode() for needle in needles)

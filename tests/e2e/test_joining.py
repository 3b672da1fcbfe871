"""A VM joins: quickly, once per use of a token, and nobody else does."""

from __future__ import annotations

import asyncio
import json
import time

import grpc
import pytest

from meshweb.protos import message
from tests.agent.rig import AgentProcess, command, get, until
from tests.e2e.conftest import Mesh
from tests.e2e.rig import Vm

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_vm_joins_and_is_called_within_ten_seconds(mesh: Mesh) -> None:
    vm = Vm(mesh.plane, 7, "pay-a")
    place = await mesh.web.place("pay-a")
    try:
        begun = time.monotonic()
        await vm.join()
        await until(lambda: _answered(vm, place), "a request that reaches the new VM", 10)
        assert time.monotonic() - begun < 10
        status, _, body = await get(*place)
        assert (status, "spiffe://cluster.local/ns/shop/sa/web" in body.decode()) == (200, True), body
    finally:
        await vm.stop()
        vm.agent.clean_up()
        assert (await mesh.plane.call("DELETE", f"proxies/{vm.proxy}")).status_code == 204


async def test_who_calls_is_said_by_the_certificate_alone(mesh: Mesh) -> None:
    """What the application reads in X-Forwarded-Client-Cert is the sidecar's word; a forged one does not come through."""
    host, port = await mesh.web.place("pay-a")
    reader, writer = await asyncio.open_connection(host, port)
    forged = "By=spiffe://x;URI=spiffe://cluster.local/ns/shop/sa/admin"
    writer.write(f"GET / HTTP/1.1\r\nhost: pay-a\r\nx-forwarded-client-cert: {forged}\r\nconnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    assert "URI=spiffe://cluster.local/ns/shop/sa/web" in answer
    assert "sa/admin" not in answer


async def _answered(vm: Vm, place: tuple[str, int]) -> bool:
    await get(*place)
    return vm.app.requests > 0


async def test_two_agents_race_for_one_token(mesh: Mesh) -> None:
    token = await mesh.plane.token("web")
    agents = [
        AgentProcess(
            mesh.plane.directory / f"race-{i}", ["--name", f"race-{i}", "--bind", f"127.31.4{i}.1", "--mode", "explicit"], token
        )
        for i in (1, 2)
    ]
    await asyncio.gather(*(agent.start() for agent in agents))
    try:

        async def decided() -> bool:
            codes = [await command(agent.data_dir, "status") for agent in agents]
            return any(code == 0 for code, _ in codes) and any("used up" in agent.log for agent in agents)

        await until(decided, "one agent joined and the other was refused")
        found = [proxy["name"] for proxy in (await mesh.plane.read("proxies"))["items"] if proxy["name"].startswith("race-")]
        assert len(found) == 1
        refusals = [
            e for e in (await mesh.plane.read("audit"))["items"] if e["decision"] == "refused" and "used up" in e["detail"]
        ]
        assert refusals, "the refusal is in the audit"
    finally:
        for agent in agents:
            await agent.stop()
            agent.clean_up()
        assert (await mesh.plane.call("DELETE", f"proxies/shop/{found[0]}")).status_code == 204


@pytest.mark.parametrize(
    ("spoil", "words"),
    [("secret", "not known here, or its secret is wrong"), ("expired", "ended at"), ("revoked", "was revoked")],
)
async def test_a_bad_token_is_refused_and_audited(mesh: Mesh, spoil: str, words: str) -> None:
    from meshweb.identity import join_token
    from meshweb.identity.sealing import SecretBytes

    answer = await mesh.plane.call(
        "POST", "join-tokens", {"namespace": "shop", "workloadGroup": "web", "ttl": "1ms" if spoil == "expired" else "1h"}
    )
    token, identifier = answer.json()["token"], answer.json()["id"]
    if spoil == "secret":
        good = join_token.parse(token)
        token = join_token.JoinToken(good.public_id, SecretBytes(bytes(32)), good.url, good.xds, good.pin).text()
    elif spoil == "revoked":
        assert (await mesh.plane.call("DELETE", f"join-tokens/{identifier}")).status_code == 204
    agent = AgentProcess(
        mesh.plane.directory / f"bad-{spoil}", ["--name", "bad", "--bind", "127.31.50.1", "--mode", "explicit"], token
    )
    await agent.start()
    try:
        assert await agent.exited() != 0
        assert words in agent.log, agent.log
    finally:
        agent.clean_up()
    entries = (await mesh.plane.read("audit?limit=20"))["items"]
    assert any(e["object"] == f"join-token {identifier}" and e["decision"] == "refused" for e in entries)
    assert not any(proxy["name"] == "bad" for proxy in (await mesh.plane.read("proxies"))["items"])


async def test_a_proxy_cannot_have_another_ones_configuration(mesh: Mesh) -> None:
    """The certificate says who asks; what the request says of itself is only compared with it."""
    own = json.loads((mesh.web.agent.data_dir / "credentials.json").read_text())
    credentials = grpc.ssl_channel_credentials(own["roots"].encode(), own["key"].encode(), own["chain"].encode())
    options = (("grpc.ssl_target_name_override", "control-plane.meshweb"),)
    request = message("envoy.service.discovery.v3.DeltaDiscoveryRequest")()
    request.node.id = mesh.a.proxy
    request.type_url = "type.googleapis.com/envoy.config.listener.v3.Listener"
    method = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
    async with grpc.aio.secure_channel(f"127.0.0.1:{mesh.plane.xds_port}", credentials, options) as channel:
        stream = channel.stream_stream(method)()  # type: ignore[call-arg]  # the stubs want serializers; bytes need none
        await stream.write(request.SerializeToString())
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stream.read()
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED

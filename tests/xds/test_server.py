"""The gRPC server over real mTLS."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio

from meshweb.xds.server import ServerCredentials, ServerOptions, XdsServer
from meshweb.xds.session import SessionLimits
from tests.xds.client import (
    CLUSTER,
    ModelEnvoy,
    ads,
    channel,
    delta_request,
    parse_response,
    parse_sotw_response,
    sotw_request,
    unary,
)
from tests.xds.fakes import Credentials, EchoAgents, MemoryCounters, MemoryDirectory, MemorySource, MeshCa, RecordingStatus
from tests.xds.test_stream import snapshot

WEB = "shop/web-1"
WEB_ID = "spiffe://cluster.local/ns/shop/sa/web"


class Rig:
    """A server with in-memory surroundings."""

    def __init__(self, limits: SessionLimits | None = None) -> None:
        self.ca = MeshCa()
        self.directory, self.source, self.status = MemoryDirectory(), MemorySource(), RecordingStatus()
        self.counters = MemoryCounters()
        self.web = self.ca.client("shop", "web")
        self.directory.add(WEB, WEB_ID, self.web.serial)
        self.presented: ServerCredentials = self.ca.server()
        self.now: Callable[[], float] = time.time
        self.server = XdsServer(
            directory=self.directory,
            source=self.source,
            status=self.status,
            agents=EchoAgents(),
            counters=self.counters,
            credentials=lambda: self.presented,
            options=ServerOptions(limits=limits or SessionLimits(recheck=0.5)),
            clock=lambda: self.now(),
        )
        self.port = 0

    def channel(self, credentials: Credentials | None = None) -> grpc.aio.Channel:
        chosen = credentials or self.web
        return channel(f"127.0.0.1:{self.port}", key=chosen.key, chain=chosen.chain, roots=chosen.roots)


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    made.port = await made.server.start("127.0.0.1:0")
    yield made
    await made.server.stop(0)


async def test_a_client_syncs_and_is_live(rig: Rig) -> None:
    rig.source.set(WEB, snapshot(3, {"a": "1", "b": "-1"}, {"r": ("a",)}))
    async with rig.channel() as connection, ads(connection) as stream:
        out: asyncio.Queue[bytes] = asyncio.Queue()
        envoy = ModelEnvoy(WEB, out.put_nowait, strict=True)
        envoy.start()

        async def pump() -> None:
            while True:
                await stream.send(await out.get())

        async def answer() -> None:
            while (data := await stream.receive()) is not None:
                envoy.receive(data)

        tasks = [asyncio.create_task(pump()), asyncio.create_task(answer())]
        await rig.status.wait("live", WEB, revision=3)
        rig.source.set(WEB, snapshot(4, {"b": "2", "c": "1"}, {"r": ("c",)}))
        await rig.status.wait("live", WEB, revision=4)
        assert set(envoy.held[CLUSTER]) == {"b", "c"}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert rig.status.find("connected", WEB, agent_version="0.1.0", envoy_version="1.40.0")
    await rig.status.wait("disconnected", WEB)
    assert rig.server.streams == 0


async def test_state_of_the_world_on_the_wire(rig: Rig) -> None:
    rig.source.set(WEB, snapshot(1, {"a": "1"}))
    async with rig.channel() as connection, ads(connection, sotw=True) as stream:
        await stream.send(sotw_request(CLUSTER, node=WEB))
        data = await stream.receive()
        assert data is not None
        response = parse_sotw_response(data)
        await stream.send(sotw_request(CLUSTER, nonce=response.nonce, error="no"))
        nacked = await rig.status.wait("nacked", WEB)
        assert nacked["detail"] == "no"


async def _closed(rig: Rig, credentials: Credentials | None = None, node: str = WEB) -> tuple[grpc.StatusCode, str]:
    async with rig.channel(credentials) as connection, ads(connection) as stream:
        try:
            await stream.send(delta_request(CLUSTER, node=node))
            while await stream.receive() is not None:
                pass
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # a send that meets the end of the call fails in a way of its own: its status says why it ended
        return await stream.status()


async def test_node_id_of_another_proxy(rig: Rig) -> None:
    rig.source.set(WEB, snapshot(1, {"a": "1"}))
    code, detail = await _closed(rig, node="shop/other")
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert "node.id" in detail


async def test_unknown_certificate(rig: Rig) -> None:
    code, detail = await _closed(rig, rig.ca.client("shop", "web"))
    assert (code, detail) == (grpc.StatusCode.PERMISSION_DENIED, "unknown certificate")


async def test_directory_away_at_the_start(rig: Rig) -> None:
    rig.directory.away = True
    assert (await _closed(rig))[0] is grpc.StatusCode.UNAVAILABLE


async def test_certificate_of_another_ca(rig: Rig) -> None:
    stranger = dataclasses.replace(MeshCa().client("shop", "web"), roots=rig.ca.roots.encode())
    assert (await _closed(rig, stranger))[0] is grpc.StatusCode.UNAVAILABLE


async def test_no_client_certificate(rig: Rig) -> None:
    credentials = grpc.ssl_channel_credentials(root_certificates=rig.ca.roots.encode())
    options = [("grpc.ssl_target_name_override", "control-plane.meshweb")]
    async with grpc.aio.secure_channel(f"127.0.0.1:{rig.port}", credentials, options=options) as connection:
        call = unary(connection, "Configure")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"{}", timeout=5)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def _open(rig: Rig, stream: Any) -> None:
    rig.source.set(WEB, snapshot(1, {"a": "1"}))
    await stream.send(delta_request(CLUSTER, node=WEB))
    data = await stream.receive()
    assert data is not None
    await stream.send(delta_request(CLUSTER, nonce=parse_response(data).nonce))
    await rig.status.wait("acked", WEB)


async def test_refused_while_connected(rig: Rig) -> None:
    async with rig.channel() as connection, ads(connection) as stream:
        await _open(rig, stream)
        rig.directory.refusing = "banned"
        assert await stream.status() == (grpc.StatusCode.PERMISSION_DENIED, "banned")


async def test_directory_away_while_connected_keeps_the_stream(rig: Rig) -> None:
    async with rig.channel() as connection, ads(connection) as stream:
        await _open(rig, stream)
        rig.directory.away = True
        checked = asyncio.Event()
        asked = rig.directory.identify

        async def identify(*, serial: str, spiffe_id: str) -> Any:
            checked.set()
            return await asked(serial=serial, spiffe_id=spiffe_id)

        rig.directory.identify = identify  # type: ignore[method-assign]  # to know when it was asked
        async with asyncio.timeout(10):
            await checked.wait()
        rig.source.set(WEB, snapshot(2, {"a": "2"}))
        assert await stream.receive() is not None


async def test_stream_ends_with_its_certificate(rig: Rig) -> None:
    async with rig.channel() as connection, ads(connection) as stream:
        await _open(rig, stream)
        rig.now = lambda: 5e9
        assert (await stream.status())[0] is grpc.StatusCode.UNAUTHENTICATED


async def test_disconnect(rig: Rig) -> None:
    async with rig.channel() as connection, ads(connection) as stream:
        await _open(rig, stream)
        rig.server.disconnect(WEB, "revoked")
        assert await stream.status() == (grpc.StatusCode.PERMISSION_DENIED, "revoked")


async def test_server_presents_its_new_certificate(rig: Rig) -> None:
    async with rig.channel() as before:
        await unary(before, "Configure")(b"{}", timeout=5)
        other = MeshCa()
        fresh = other.server()
        rig.presented = ServerCredentials(fresh.private_key, fresh.chain, rig.ca.roots.encode())
        trusting = dataclasses.replace(rig.web, roots=other.roots.encode())
        async with rig.channel(trusting) as after:
            await unary(after, "Configure")(b"{}", timeout=5)
        await unary(before, "Configure")(b"{}", timeout=5)


@pytest.mark.parametrize(
    ("method", "payload", "code", "detail"),
    [
        ("Renew", b"{}", grpc.StatusCode.INVALID_ARGUMENT, "csr: is required"),
        ("Report", b"{}", grpc.StatusCode.INTERNAL, "internal error"),
        ("Configure", b"{", grpc.StatusCode.INVALID_ARGUMENT, "Expecting"),
        ("Configure", b"[" * 100_000, grpc.StatusCode.INVALID_ARGUMENT, ""),
        ("Configure", b"\xff", grpc.StatusCode.INVALID_ARGUMENT, ""),
        ("Nothing", b"{}", grpc.StatusCode.UNIMPLEMENTED, ""),
    ],
)
async def test_agent_call_errors(rig: Rig, method: str, payload: bytes, code: grpc.StatusCode, detail: str) -> None:
    async with rig.channel() as connection:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(connection, method)(payload, timeout=5)
        assert caught.value.code() is code
        assert detail in (caught.value.details() or "")


async def test_agent_call(rig: Rig) -> None:
    async with rig.channel() as connection:
        answer = await unary(connection, "Configure")(b'{"mode":"explicit"}', timeout=5)
        assert json.loads(answer) == {"proxy": WEB, "payload": {"mode": "explicit"}}


async def test_many_streams_at_once(rig: Rig) -> None:
    rig.source.set(WEB, snapshot(1, {f"c{i}": "1" for i in range(300)}))

    async def one() -> int:
        async with rig.channel() as connection, ads(connection) as stream:
            await stream.send(delta_request(CLUSTER, node=WEB))
            data = await stream.receive()
            assert data is not None
            return len(parse_response(data).resources)

    assert await asyncio.gather(*(one() for _ in range(100))) == [300] * 100


async def test_client_that_does_not_read_is_cut() -> None:
    rig = Rig(SessionLimits(recheck=60, send_timeout=0.5))
    rig.port = await rig.server.start("127.0.0.1:0")
    try:
        rig.source.set(WEB, snapshot(1, {f"c{i}": "x" * 4000 for i in range(8000)}))  # 32 MB: more than any buffer
        async with rig.channel() as connection, ads(connection) as stream:
            await stream.send(delta_request(CLUSTER, node=WEB))
            cut = await rig.status.wait("disconnected", WEB)
            assert cut["reason"] == "the client does not read"
    finally:
        await rig.server.stop(0)

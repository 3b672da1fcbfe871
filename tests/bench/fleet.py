"""A fleet without Envoys: many delta streams in few processes, each with its own certificate, that ACK at once and keep what they got."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

import grpc
import grpc.aio

from meshweb.core.snapshot import TypeUrl
from meshweb.protos import message

_EOF: object = getattr(grpc.aio, "EOF")  # noqa: B009 - missing in the type stubs
_METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
_REQUEST = "envoy.service.discovery.v3.DeltaDiscoveryRequest"
_RESPONSE = "envoy.service.discovery.v3.DeltaDiscoveryResponse"


@dataclass(frozen=True)
class Member:
    """One proxy of the fleet. PEM."""

    proxy: str
    key: bytes
    chain: bytes
    roots: bytes


@dataclass
class Held:
    """What one stream holds: versions by type and name. `changed` is when the last response was answered (UNIX time)."""

    versions: dict[str, dict[str, str]] = field(default_factory=lambda: {t.value: {} for t in TypeUrl})
    changed: float = 0.0
    error: str = ""


class Stream:
    """As Envoy does it: clusters and listeners as a whole, endpoints and routes by name."""

    def __init__(self, member: Member, address: str, held: Held) -> None:
        self._member, self._address, self._held = member, address, held
        self._asked: dict[str, set[str]] = {TypeUrl.ENDPOINT.value: set(), TypeUrl.ROUTE.value: set()}

    async def run(self) -> None:
        credentials = grpc.ssl_channel_credentials(self._member.roots, self._member.key, self._member.chain)
        options = (("grpc.ssl_target_name_override", "control-plane.meshweb"), ("grpc.max_receive_message_length", -1))
        async with grpc.aio.secure_channel(self._address, credentials, options) as channel:
            stream = channel.stream_stream(_METHOD)()  # type: ignore[call-arg]  # the stubs want serializers; bytes need none
            await self._send(stream, TypeUrl.CLUSTER.value, node=True)
            await self._send(stream, TypeUrl.LISTENER.value)
            try:
                while (data := await stream.read()) is not _EOF:
                    await self._answer(stream, message(_RESPONSE).FromString(data))
                self._held.error = "the server ended the stream"
            except grpc.aio.AioRpcError as error:
                self._held.error = f"{error.code().name}: {error.details()}"

    async def _send(
        self, stream: Any, type_url: str, *, nonce: str = "", subscribe: Sequence[str] = (), node: bool = False
    ) -> None:
        request = message(_REQUEST)(type_url=type_url, response_nonce=nonce, resource_names_subscribe=subscribe)
        if node:
            request.node.id = self._member.proxy
        await stream.write(request.SerializeToString())

    async def _answer(self, stream: Any, response: Any) -> None:
        held = self._held.versions[response.type_url]
        for resource in response.resources:
            held[resource.name] = resource.version
        for name in response.removed_resources:
            held.pop(name, None)
        await self._send(stream, response.type_url, nonce=response.nonce)
        self._held.changed = time.time()
        if response.type_url == TypeUrl.CLUSTER.value:
            await self._ask(stream, TypeUrl.ENDPOINT.value, [n for n in held if not n.startswith("inbound")])
        elif response.type_url == TypeUrl.LISTENER.value:
            await self._ask(stream, TypeUrl.ROUTE.value, list(held))

    async def _ask(self, stream: Any, type_url: str, names: list[str]) -> None:
        fresh = set(names) - self._asked[type_url]
        if fresh:
            self._asked[type_url] |= fresh
            await self._send(stream, type_url, subscribe=sorted(fresh))


class Fleet:
    """`processes` of streams. `snapshot` asks all for what they hold."""

    def __init__(self, members: Sequence[Member], address: str, processes: int) -> None:
        self._pipes: list[Connection] = []
        self._children: list[SpawnProcess] = []
        context = multiprocessing.get_context("spawn")
        for number in range(processes):
            ours, theirs = context.Pipe()
            part = list(members[number::processes])
            child = context.Process(target=_serve, args=(theirs, part, address), daemon=True)
            child.start()
            self._pipes.append(ours)
            self._children.append(child)

    @property
    def pids(self) -> list[int]:
        return [child.pid for child in self._children if child.pid is not None]

    def start(self) -> None:
        for pipe in self._pipes:
            pipe.send("start")

    def snapshot(self) -> dict[str, Held]:
        for pipe in self._pipes:
            pipe.send("held")
        found: dict[str, Held] = {}
        for pipe in self._pipes:
            found |= pipe.recv()
        return found

    def digest(self) -> dict[str, tuple[float, str, dict[str, int]]]:
        """Per proxy: last change, error, and how many resources of each type it holds."""
        for pipe in self._pipes:
            pipe.send("digest")
        found: dict[str, tuple[float, str, dict[str, int]]] = {}
        for pipe in self._pipes:
            found |= pipe.recv()
        return found

    def versions_of(self, type_url: TypeUrl, name: str) -> dict[str, tuple[float, str | None]]:
        """Per proxy: last change, and the version of one resource."""
        for pipe in self._pipes:
            pipe.send(("version", type_url.value, name))
        found: dict[str, tuple[float, str | None]] = {}
        for pipe in self._pipes:
            found |= pipe.recv()
        return found

    def stop(self) -> None:
        for pipe in self._pipes:
            pipe.send("stop")
        for child in self._children:
            child.join(20)


def _serve(pipe: Connection, members: list[Member], address: str) -> None:
    asyncio.run(_run(pipe, members, address))


async def _run(pipe: Connection, members: list[Member], address: str) -> None:
    held = {member.proxy: Held() for member in members}
    tasks: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()
    while True:
        word = await loop.run_in_executor(None, pipe.recv)
        if word == "start":
            tasks = [loop.create_task(Stream(m, address, held[m.proxy]).run()) for m in members]
        elif word == "held":
            pipe.send(held)
        elif word == "digest":
            pipe.send({p: (h.changed, h.error, {t: len(v) for t, v in h.versions.items()}) for p, h in held.items()})
        elif word == "stop":
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return
        else:
            _, type_url, name = word
            pipe.send({p: (h.changed, h.versions[type_url].get(name)) for p, h in held.items()})

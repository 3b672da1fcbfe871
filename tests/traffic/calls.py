"""The callers of the rig: one function per protocol, all with the same request in and response out."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from tests.traffic import http1, http2, websocket
from tests.traffic.cases import Wire
from tests.traffic.model import Request, Response

Address = tuple[str, int]
TIMEOUT_SECONDS = 10.0
_PARALLEL = {"h1": 8, "h2": 16, "grpc": 16}


class Calls:
    """`many` makes several requests in parallel, HTTP/2 over one connection; nothing is kept from row to row but gRPC's channels."""

    def __init__(self) -> None:
        self._channels: dict[tuple[Address, str], grpc.aio.Channel] = {}

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close(None)
        self._channels.clear()

    async def many(self, wire: Wire, address: Address, requests: list[Request]) -> list[Response]:
        """In the order of the requests."""
        responses: dict[int, Response] = {}
        todo = iter(enumerate(requests))
        shared: list[http2.Client] = []

        async def work() -> None:
            own: list[http1.Client] = []
            for index, request in todo:
                responses[index] = await self._timed(self._call(wire, address, request, own, shared))
            for client in own:
                client.close()

        await asyncio.gather(*(work() for _ in range(min(_PARALLEL.get(wire, 1), len(requests)))))
        for client in shared:
            client.close()
        return [responses[index] for index in range(len(requests))]

    def _call(
        self, wire: Wire, address: Address, request: Request, own: list[http1.Client], shared: list[http2.Client]
    ) -> Callable[[], Awaitable[Response]]:
        match wire:
            case "h1":
                return lambda: _h1(address, request, own)
            case "h2":
                return lambda: _h2(address, request, shared)
            case "grpc":
                return lambda: _grpc(self._channel(address, request.host), request)
            case "ws":
                return lambda: _ws(address, request)
            case "tls":
                return lambda: _line(address, request, _any_certificate())
            case _:
                return lambda: _line(address, request, None)

    async def _timed(self, call: Callable[[], Awaitable[Response]]) -> Response:
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                response = await call()
        except TimeoutError:
            response = Response(error="timeout")
        except ConnectionRefusedError:
            response = Response(error="refused")
        except (OSError, asyncio.IncompleteReadError) as error:
            response = Response(error="reset" if "reset" in str(error).lower() else "closed")
        response.elapsed_ms = (time.perf_counter() - begun) * 1000
        return response

    def _channel(self, address: Address, authority: str) -> grpc.aio.Channel:
        key = (address, authority)
        if key not in self._channels:
            options = [("grpc.default_authority", authority), ("grpc.use_local_subchannel_pool", 1)]
            self._channels[key] = grpc.aio.insecure_channel(f"{address[0]}:{address[1]}", options)
        return self._channels[key]


async def _h1(address: Address, request: Request, own: list[http1.Client]) -> Response:
    if not own or not own[-1].usable:
        own.append(http1.Client(*await asyncio.open_connection(*address)))
    try:
        return await own[-1].exchange(request)
    except BaseException:
        own[-1].usable = False
        raise


async def _h2(address: Address, request: Request, shared: list[http2.Client]) -> Response:
    if not shared or not shared[-1].usable:
        streams = await asyncio.open_connection(*address)
        if shared and shared[-1].usable:
            streams[1].close()  # another worker was first
        else:
            shared.append(http2.Client(*streams))
    return await shared[-1].exchange(request)


async def _ws(address: Address, request: Request) -> Response:
    reader, writer = await asyncio.open_connection(*address)
    try:
        return await websocket.exchange(reader, writer, request)
    finally:
        writer.close()


async def _line(address: Address, request: Request, tls: ssl.SSLContext | None) -> Response:
    """One line there, one line back; without a body nothing is said (servers that speak first)."""
    name = request.sni if tls is not None else None
    reader, writer = await asyncio.open_connection(*address, ssl=tls, server_hostname=name)
    try:
        if request.body:
            writer.write(request.body + b"\n")
        line = await reader.readuntil(b"\n")
        return Response(body=line.strip())
    finally:
        writer.close()


def _any_certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _grpc(channel: Any, request: Request) -> Response:
    metadata = [(name.lower(), value) for name, value in request.headers]
    response = Response()
    streams = request.path.endswith("Stream")
    call = (channel.unary_stream if streams else channel.unary_unary)(request.path)(request.body, metadata=metadata)
    try:
        if streams:
            response.messages = [message async for message in call]
        else:
            response.body = await call
    except grpc.aio.AioRpcError:
        pass  # its status is read below
    response.grpc_status = (await call.code()).name
    response.headers = [(name, str(value)) for name, value in await call.initial_metadata()]
    response.trailers = [(name, str(value)) for name, value in await call.trailing_metadata()]
    return response

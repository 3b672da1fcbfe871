"""The callers of the rig: one function per protocol, all with the same request in and response out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

import grpc
import grpc.aio

from tests.traffic import http1, http2, websocket
from tests.traffic.cases import Wire
from tests.traffic.model import Request, Response
from tests.traffic.tls import Callers, names_of

Address = tuple[str, int]
TIMEOUT_SECONDS = 10.0
_ALPN = {"h1": ("http/1.1",), "h2": ("h2",)}


class Calls:
    """Makes requests. Nothing is kept from row to row but gRPC's channels, and those only within a case."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._channels: dict[tuple[Address, str, str], grpc.aio.Channel] = {}

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close(None)
        self._channels.clear()

    async def many(self, wire: Wire, address: Address, requests: list[Request], parallel: int = 1) -> list[Response]:
        """In the order of the requests. HTTP/2 uses one connection, HTTP/1.1 as many as are `parallel`."""
        responses: dict[int, Response] = {}
        todo = iter(enumerate(requests))
        shared = _Caller(self, wire, address)

        async def work() -> None:
            own = _Caller(self, wire, address) if wire == "h1" else shared
            for index, request in todo:
                responses[index] = await _timed(own.call(request))
            if own is not shared:
                own.close()

        await asyncio.gather(*(work() for _ in range(min(parallel, len(requests)))))
        shared.close()
        return [responses[index] for index in range(len(requests))]

    def kept(self, wire: Wire, address: Address) -> _Caller:
        """One connection, across cases."""
        return _Caller(self, wire, address)

    async def open(
        self, wire: Wire, address: Address, request: Request
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, list[str]]:
        """A connection, and the names in the server's certificate. Raises NoTunnel."""
        reader, writer = await asyncio.open_connection(*address)
        if request.tunnel:
            status = await http1.connect(reader, writer, request.tunnel)
            if status != 200:
                writer.close()
                raise NoTunnel(status)
        if not request.tls and wire != "tls":
            return reader, writer, []
        context = self._callers.context(request.identity, request.alpn or _ALPN.get(wire, ()))
        try:
            await writer.start_tls(context, server_hostname=request.sni or address[0])
        except BaseException:
            writer.close()
            raise
        return reader, writer, names_of(writer.get_extra_info("ssl_object"))

    def channel(self, address: Address, request: Request) -> grpc.aio.Channel:
        key = (address, request.host, request.sni or "" if request.tls else "-")
        if key in self._channels:
            return self._channels[key]
        options: list[tuple[str, Any]] = [("grpc.default_authority", request.host), ("grpc.use_local_subchannel_pool", 1)]
        target = f"{address[0]}:{address[1]}"
        if request.tls:
            options.append(("grpc.ssl_target_name_override", request.sni or request.host))
            credentials = grpc.ssl_channel_credentials(self._callers.roots)
            self._channels[key] = grpc.aio.secure_channel(target, credentials, options)
        else:
            self._channels[key] = grpc.aio.insecure_channel(target, options)
        return self._channels[key]


class NoTunnel(Exception):
    """The proxy's status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def _timed(call: Awaitable[Response]) -> Response:
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            response = await call
    except TimeoutError:
        response = Response(error="timeout")
    except NoTunnel as refused:
        response = Response(refused.status)
    except ConnectionRefusedError:
        response = Response(error="refused")
    except (OSError, asyncio.IncompleteReadError) as error:
        response = Response(error="reset" if "reset" in str(error).lower() else "closed")
    response.elapsed_ms = (time.perf_counter() - begun) * 1000
    return response


class _Caller:
    """One caller of one address; keeps its HTTP connection."""

    def __init__(self, calls: Calls, wire: Wire, address: Address) -> None:
        self._calls, self._wire, self._address = calls, wire, address
        self._client: http1.Client | http2.Client | None = None
        self._certificate: list[str] = []
        self._connecting = asyncio.Lock()

    async def call(self, request: Request) -> Response:
        """Raises OSError or IncompleteReadError when there is no answer."""
        match self._wire:
            case "h1" | "h2":
                client = await self._connected(request)
                response = await client.exchange(request)
                response.certificate = self._certificate
                return response
            case "grpc":
                return await _grpc(self._calls.channel(self._address, request), request)
            case _:
                return await self._once(request)

    async def _connected(self, request: Request) -> http1.Client | http2.Client:
        async with self._connecting:
            if self._client is None or not self._client.usable:
                self.close()
                reader, writer, self._certificate = await self._calls.open(self._wire, self._address, request)
                self._client = http1.Client(reader, writer) if self._wire == "h1" else http2.Client(reader, writer)
            return self._client

    async def _once(self, request: Request) -> Response:
        """A WebSocket, or one line there and one line back; without a body nothing is said (servers that speak first)."""
        reader, writer, certificate = await self._calls.open(self._wire, self._address, request)
        try:
            if self._wire == "ws":
                return await websocket.exchange(reader, writer, request)
            if request.body:
                writer.write(request.body + b"\n")
            return Response(200, body=(await reader.readuntil(b"\n")).strip(), certificate=certificate)
        finally:
            writer.close()

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


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

"""The HTTP application: HTTP/1.1 and HTTP/2 on one port, with TLS where it has a world. It answers what it saw, as JSON.

Orders, as first part of the path or as header (for rows whose path is rewritten):

* `/status/503`, `x-status: 503`: answers so.
* `/slow/250`, `x-slow: 250`: after so many milliseconds.
* `/reset`, `x-reset: 1`: closes the connection (HTTP/2: resets the stream) without an answer.
* `/stream/5`: the answer, then five more lines, 20 ms apart.
* `x-fail-first: 2`: the first two tries of a request fail, with 503 or what `x-fail-with` says (a status, or `reset`).
* `x-fail-at: pay-a-1`: only the application of that name fails, always.
* `x-answer-<name>: <value>`: a header of the answer.
* WebSocket: echoes; its first message says what it saw.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tests.traffic import http1, http2, websocket
from tests.traffic.apps.tcp import names_in, tls_of
from tests.traffic.model import Book, Headers, Request, Seen, first
from tests.traffic.world import World

_PREFACE = "PRI * HTTP/2.0"
_PIECE_SECONDS = 0.02


@dataclass
class Plan:
    """What to do with a request."""

    status: int = 200
    delay_ms: int = 0
    reset: bool = False
    pieces: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""


@dataclass
class WebApp:
    """`name` is that of its VM."""

    name: str
    host: str
    port: int
    book: Book
    world: World | None = None
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        tls = tls_of(self.world, self.name) if self.world is not None else None
        self._server = await asyncio.start_server(self._serve, self.host, self.port, ssl=tls)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    @property
    def bound(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def plan(self, request: Request, protocol: str, writer: asyncio.StreamWriter) -> Plan:
        """Notes the request, and reads its orders."""
        headers = list(request.headers)
        sni, client = names_in(writer)
        told = [*headers, ("client", client)] if client else headers
        seen = Seen(self.name, self.port, protocol, request.method, request.path, request.host, told, sni=sni)
        seen.body = request.body.decode("latin-1")
        seen.connection = writer.get_extra_info("peername")[1]
        tries = self.book.note(seen)
        plan = Plan(body=seen.json(), headers=[("content-type", "application/json"), ("server", "app"), ("x-app", self.name)])
        plan.headers += [(name.removeprefix("x-answer-"), value) for name, value in headers if name.startswith("x-answer-")]
        order, _, argument = request.path.partition("?")[0].strip("/").partition("/")
        orders = {order: argument.partition("/")[0]}
        orders |= {name.removeprefix("x-"): value for name, value in headers if name in {"x-status", "x-slow", "x-reset"}}
        if 0 < tries <= int(first(headers, "x-fail-first") or 0) or first(headers, "x-fail-at") == self.name:
            how = first(headers, "x-fail-with") or "503"
            orders |= {"reset": "1"} if how == "reset" else {"status": how}
        plan.status = int(orders.get("status") or 200)
        plan.delay_ms = int(orders.get("slow") or 0)
        plan.reset = "reset" in orders
        plan.pieces = int(orders.get("stream") or 0)
        return plan

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            while await self._serve_one(reader, writer):
                pass
        writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        line, headers = await http1.read_head(reader)
        if line == _PREFACE:
            serve = partial(self._answer_h2, writer)
            await http2.Server(reader, writer, serve).read(b"PRI * HTTP/2.0\r\n\r\n")
            return False
        method, path, _ = line.split(" ", 2)
        body = await http1.read_body(reader, headers)
        plan = self.plan(Request(method, path, first(headers, "host") or "", tuple(headers), body), "h1", writer)
        if first(headers, "upgrade") == "websocket":
            await websocket.serve(reader, writer, headers, plan.body)
            return False
        if plan.delay_ms:
            await asyncio.sleep(plan.delay_ms / 1000)
        if plan.reset:
            return False
        if plan.pieces:
            head = http1.response_bytes(plan.status, plan.headers, b"").replace(b"content-length: 0", b"connection: close")
            writer.write(head)
            await _in_pieces(plan, lambda data: _write(writer, data))
            return False
        writer.write(http1.response_bytes(plan.status, plan.headers, plan.body, head_only=method == "HEAD"))
        return True

    async def _answer_h2(self, writer: asyncio.StreamWriter, request: Request, stream: http2.Stream) -> None:
        plan = self.plan(request, "h2", writer)
        if plan.delay_ms:
            await asyncio.sleep(plan.delay_ms / 1000)
        if plan.reset:
            stream.reset()
        elif plan.pieces:
            stream.begin(plan.status, plan.headers)
            await _in_pieces(plan, lambda data: stream.send(data, end=False))
            stream.send(b"", end=True)
        else:
            stream.respond(plan.status, plan.headers, b"" if request.method == "HEAD" else plan.body)


def _write(writer: asyncio.StreamWriter, data: bytes) -> bool:
    if not writer.is_closing():
        writer.write(data)
    return not writer.is_closing()


async def _in_pieces(plan: Plan, send: Callable[[bytes], bool]) -> None:
    """`send` says whether somebody still listens."""
    listens = send(plan.body)
    for number in range(plan.pieces):
        await asyncio.sleep(_PIECE_SECONDS)
        if not listens:
            return
        listens = send(f"\n{number}".encode())

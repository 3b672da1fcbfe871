"""HTTP/2 with prior knowledge, on the library h2: one client for rows, one server for applications."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError

from tests.traffic.model import Headers, Request, Response

_OF_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "upgrade", "host"}


@dataclass
class Message:
    """What the peer sent on one stream: request or response."""

    headers: Headers = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    trailers: Headers = field(default_factory=list)


def _pairs(headers: list[tuple[str, str]] | None) -> Headers:
    return [(str(name), str(value)) for name, value in headers or []]


class _Peer:
    """Reads frames until the connection ends; subclasses hear of finished messages and broken streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, client: bool) -> None:
        self._reader, self._writer = reader, writer
        self._state = H2Connection(H2Configuration(client_side=client, header_encoding="utf-8"))
        self._messages: dict[int, Message] = {}

    def finished(self, stream: int, message: Message) -> None:
        raise NotImplementedError

    def broken(self, stream: int, why: str) -> None:
        raise NotImplementedError

    def flush(self) -> None:
        data = self._state.data_to_send()
        if data and not self._writer.is_closing():
            self._writer.write(data)

    async def read(self, data: bytes = b"") -> None:
        """Until the peer closes. `data`: what was read already."""
        self._state.initiate_connection()
        self.flush()
        while True:
            if data:
                for event in self._state.receive_data(data):
                    self._handle(event)
                self.flush()
            data = await self._reader.read(65536)
            if not data:
                return

    def _handle(self, event: events.Event) -> None:
        match event:
            case events.RequestReceived() | events.ResponseReceived():
                self._messages[event.stream_id] = Message(_pairs(event.headers))  # type: ignore[arg-type]  # header_encoding makes text
            case events.TrailersReceived():
                self._messages[event.stream_id].trailers = _pairs(event.headers)  # type: ignore[arg-type]  # as above
            case events.DataReceived():
                self._messages[event.stream_id].body += event.data
                self._state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case events.StreamEnded():
                self.finished(event.stream_id, self._messages.pop(event.stream_id))
            case events.StreamReset():
                self._messages.pop(event.stream_id, None)
                self.broken(event.stream_id, "reset")
            case _:
                pass


class Client(_Peer):
    """Many requests at a time on one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer, client=True)
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._ready = False

    async def _run(self) -> None:
        try:
            await self.read()
        except (OSError, ProtocolError):
            pass
        finally:
            for stream in tuple(self._waiting):
                self.broken(stream, "closed")

    @property
    def usable(self) -> bool:
        return not self._task.done()

    async def exchange(self, request: Request) -> Response:
        """Raises ConnectionError when the stream or the connection breaks."""
        await asyncio.sleep(0)  # the preface goes first
        if self._task.done():
            raise ConnectionError("closed")
        stream = self._state.get_next_available_stream_id()
        head = [
            (":method", request.method),
            (":scheme", "https" if request.tls else "http"),
            (":authority", request.host),
            (":path", request.path),
        ]
        head += [(name.lower(), value) for name, value in request.headers]
        if request.body:
            head.append(("content-length", str(len(request.body))))
        future = self._waiting[stream] = asyncio.get_running_loop().create_future()
        self._state.send_headers(stream, head, end_stream=not request.body)
        if request.body:
            self._state.send_data(stream, request.body, end_stream=True)
        self.flush()
        message = await future
        plain = [(name, value) for name, value in message.headers if not name.startswith(":")]
        return Response(int(dict(message.headers)[":status"]), plain, bytes(message.body), message.trailers)

    def finished(self, stream: int, message: Message) -> None:
        future = self._waiting.pop(stream, None)
        if future is not None and not future.done():
            future.set_result(message)

    def broken(self, stream: int, why: str) -> None:
        future = self._waiting.pop(stream, None)
        if future is not None and not future.done():
            future.set_exception(ConnectionError(why))

    def close(self) -> None:
        self._task.cancel()
        self._writer.close()


class Stream:
    """The server's side of one request."""

    def __init__(self, server: Server, number: int) -> None:
        self._server, self._number = server, number

    def respond(self, status: int, headers: Headers, body: bytes) -> None:
        self.begin(status, headers, end=not body)
        if body:
            self.send(body, end=True)

    def begin(self, status: int, headers: Headers, *, end: bool = False) -> None:
        plain = [(name, value) for name, value in headers if name not in _OF_THE_CONNECTION]
        self._server.act(lambda state: state.send_headers(self._number, [(":status", str(status)), *plain], end_stream=end))

    def send(self, data: bytes, *, end: bool) -> bool:
        return self._server.act(lambda state: state.send_data(self._number, data, end_stream=end))

    def reset(self, code: ErrorCodes = ErrorCodes.INTERNAL_ERROR) -> None:
        self._server.act(lambda state: state.reset_stream(self._number, code))


class Server(_Peer):
    """`serve(request, stream)` answers one request."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, serve: Callable[[Request, Stream], Awaitable[None]]
    ) -> None:
        super().__init__(reader, writer, client=False)
        self._serve = serve
        self._tasks: set[asyncio.Future[None]] = set()

    def act(self, change: Callable[[H2Connection], None]) -> bool:
        """False for a stream that the client has given up: it takes no answer."""
        try:
            change(self._state)
        except ProtocolError:
            return False
        self.flush()
        return not self._writer.is_closing()

    def finished(self, stream: int, message: Message) -> None:
        fields = dict(message.headers)
        plain = tuple((name, value) for name, value in message.headers if not name.startswith(":"))
        host = fields.get(":authority", fields.get("host", ""))
        request = Request(fields[":method"], fields.get(":path", ""), host, plain, bytes(message.body))
        task = asyncio.ensure_future(self._serve(request, Stream(self, stream)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def broken(self, stream: int, why: str) -> None:
        """The client gave up; the answer, if it still comes, goes nowhere."""

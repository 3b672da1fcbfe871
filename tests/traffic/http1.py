"""HTTP/1.1 by hand: exact header names out, lower-case names in. Both sides read with the same functions."""

from __future__ import annotations

import asyncio

from tests.traffic.model import Headers, Request, Response, first

_NO_BODY = {204, 304}


async def read_head(reader: asyncio.StreamReader) -> tuple[str, Headers]:
    """First line and headers. Raises IncompleteReadError."""
    return parse_head(await reader.readuntil(b"\r\n\r\n"))


def parse_head(data: bytes) -> tuple[str, Headers]:
    line, *lines = data.decode("latin-1").split("\r\n")
    pairs = (text.partition(":") for text in lines if text)
    return line, [(name.lower(), value.strip()) for name, _, value in pairs]


async def read_body(reader: asyncio.StreamReader, headers: Headers, *, to_the_end: bool = False) -> bytes:
    """By chunks, by length, else until the peer closes when it may (responses only)."""
    if "chunked" in (first(headers, "transfer-encoding") or ""):
        return await _read_chunks(reader)
    length = first(headers, "content-length")
    if length is not None:
        return await reader.readexactly(int(length))
    return await reader.read() if to_the_end else b""


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if size:
            parts.append(await reader.readexactly(size))
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass  # trailers
        if not size:
            return b"".join(parts)


def request_bytes(request: Request) -> bytes:
    lines = [f"{request.method} {request.path} HTTP/1.1", f"host: {request.host}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    if request.body:
        lines.append(f"content-length: {len(request.body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + request.body


def response_bytes(status: int, headers: Headers, body: bytes, *, head_only: bool = False) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers)]
    if status not in _NO_BODY and status >= 200:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (b"" if head_only or status in _NO_BODY else body)


async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str) -> int:
    """Asks a proxy for a tunnel; its status."""
    writer.write(f"CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n\r\n".encode())
    line, _ = await read_head(reader)
    return int(line.split()[1])


class Client:
    """One connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.usable = True

    async def exchange(self, request: Request) -> Response:
        """Raises OSError or IncompleteReadError when the connection breaks."""
        self._writer.write(request_bytes(request))
        line, headers = await read_head(self._reader)
        while line.split()[1] == "100":
            line, headers = await read_head(self._reader)
        status = int(line.split()[1])
        body = b""
        if request.method != "HEAD" and status not in _NO_BODY and status != 101:
            body = await read_body(self._reader, headers, to_the_end=True)
        known_end = first(headers, "content-length") is not None or first(headers, "transfer-encoding") is not None
        self.usable = known_end and first(headers, "connection") != "close"
        return Response(status, headers, body)

    def close(self) -> None:
        self._writer.close()

"""WebSocket (RFC 6455), as much as an echo needs: text frames under 64 KiB."""

from __future__ import annotations

import asyncio
import base64
import hashlib

from tests.traffic import http1
from tests.traffic.model import Headers, Request, Response, first

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE = 1, 8
_KEY = base64.b64encode(b"0123456789abcdef").decode()


def _accept(key: str) -> str:
    return base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode()).digest()).decode()


def _frame(data: bytes, *, masked: bool) -> bytes:
    mask = 0x80 if masked else 0
    head = bytes(
        [0x80 | _TEXT, mask | len(data)] if len(data) < 126 else [0x80 | _TEXT, mask | 126, *len(data).to_bytes(2, "big")]
    )
    return head + (bytes(4) if masked else b"") + data  # a mask of zeros changes nothing


async def _read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """None when the peer closes."""
    first_byte, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        length = int.from_bytes(await reader.readexactly(2), "big")
    mask = await reader.readexactly(4) if second & 0x80 else bytes(4)
    data = await reader.readexactly(length)
    return None if first_byte & 0xF == _CLOSE else bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: Headers, greeting: bytes) -> None:
    accept = [
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-accept", _accept(first(headers, "sec-websocket-key") or "")),
    ]
    writer.write(http1.response_bytes(101, accept, b"") + _frame(greeting, masked=False))
    while (data := await _read_frame(reader)) is not None:
        writer.write(_frame(data, masked=False))


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> Response:
    """Messages of the answer: the application's greeting, and the echo of the request's body."""
    upgrade = (
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", _KEY),
    )
    asked = Request("GET", request.path, request.host, (*request.headers, *upgrade))
    response = await http1.Client(reader, writer).exchange(asked)
    if response.status != 101 or first(response.headers, "sec-websocket-accept") != _accept(_KEY):
        return response
    writer.write(_frame(request.body or b"hello", masked=True))
    for _ in range(2):
        data = await _read_frame(reader)
        if data is None:
            break
        response.messages.append(data)
    return response

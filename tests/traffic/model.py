"""What goes over the wire in a row: a request, what an application saw of it, and what came back."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

Headers = list[tuple[str, str]]
ROW_HEADER = "x-rig-id"
"""Names the row's request through all tries and mirrors."""


def first(headers: Headers, name: str) -> str | None:
    return next((value for key, value in headers if key == name), None)


@dataclass(frozen=True)
class Request:
    """`headers` without those that the protocol makes itself (host, content-length). tunnel: what the caller asks a proxy for, by
    CONNECT, before it says anything."""

    method: str = "GET"
    path: str = "/"
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    tls: bool = False
    sni: str | None = None
    alpn: tuple[str, ...] = ()
    identity: str | None = None
    tunnel: str = ""


@dataclass
class Seen:
    """One request, or one connection's first words, as an application saw it. connection: of the application, by a number."""

    app: str
    port: int
    protocol: str
    method: str = ""
    path: str = ""
    host: str = ""
    headers: Headers = field(default_factory=list)
    body: str = ""
    sni: str | None = None
    connection: int = 0

    def json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def of(cls, data: bytes) -> Seen | None:
        """None when the bytes are not an application's words."""
        try:
            raw: Any = json.loads(data)
            return cls(**{**raw, "headers": [(name, value) for name, value in raw["headers"]]})
        except (ValueError, TypeError, KeyError):
            return None


@dataclass
class Response:
    """`error`: "refused", "reset", "closed" or "timeout" when there was no answer. `messages`: of a stream or socket.
    `certificate`: the names in the server's certificate."""

    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    trailers: Headers = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    grpc_status: str | None = None
    certificate: list[str] = field(default_factory=list)
    error: str | None = None
    elapsed_ms: float = 0.0

    @property
    def seen(self) -> Seen | None:
        return Seen.of(self.messages[0] if self.messages else self.body)


class Book:
    """Every request that any application got, by the row's id."""

    def __init__(self) -> None:
        self._records: defaultdict[str, list[Seen]] = defaultdict(list)
        self._changed = asyncio.Event()

    def note(self, seen: Seen) -> int:
        """How often this request was seen by anybody, this time included. 0 for one that is of no row."""
        row = first(seen.headers, ROW_HEADER)
        if row is None:
            return 0
        self._records[row].append(seen)
        self._changed.set()
        return len(self._records[row])

    def of(self, ids: list[str]) -> list[Seen]:
        return [seen for row in ids for seen in self._records.get(row, ())]

    def forget(self) -> None:
        self._records.clear()

    async def until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Looks after each new record; the condition's last value."""
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return condition()
        return True

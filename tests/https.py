"""A client of the world outside the mesh."""

from __future__ import annotations

import asyncio
import ssl
from types import TracebackType
from typing import Self

PLACE_SECONDS = 5.0


class Connection:
    """One TLS connection that stays open. `certificate`: what the server showed, DER. It is not verified: tests compare it."""

    def __init__(self, host: str, port: int, name: str) -> None:
        self._place = (host, port)
        self._name = name
        self.certificate = b""

    async def __aenter__(self) -> Self:
        """Raises OSError when nobody answers."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        async with asyncio.timeout(PLACE_SECONDS):
            self._reader, self._writer = await asyncio.open_connection(*self._place, ssl=context, server_hostname=self._name)
        self.certificate = self._writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._writer.close()

    async def get(self, path: str = "/") -> tuple[int, bytes]:
        """Raises OSError or asyncio.IncompleteReadError when the connection breaks."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nhost: {self._name}\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0] or 0)
        return int(head.split()[1]), await self._reader.readexactly(length)


async def certificate(host: str, port: int, name: str) -> bytes | None:
    """What a server shows, DER; None: nobody answers."""
    try:
        async with Connection(host, port, name) as found:
            return found.certificate
    except OSError:
        return None

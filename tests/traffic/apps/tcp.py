"""Applications that do not speak HTTP. Each writes one line of JSON: who it is, and what it saw."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.traffic.model import Headers, Seen
from tests.traffic.world import World

_PROXY_V2 = b"\r\n\r\n\0\r\nQUIT\n"


@dataclass
class EchoApp:
    """Answers the first line it reads. A PROXY header before it is told as header of what was seen: `proxy: v1`."""

    name: str
    host: str
    port: int
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.host, self.port, ssl=self.tls())

    def tls(self) -> ssl.SSLContext | None:
        return None

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    @property
    def bound(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.write((await self.words(reader, writer)).json() + b"\n")
            await writer.drain()
            await reader.read()
        writer.close()

    async def words(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Seen:
        headers: Headers = []
        line = await reader.readuntil(b"\n")
        if line.startswith(b"PROXY "):
            headers, line = [("proxy", "v1")], await reader.readuntil(b"\n")
        elif line == _PROXY_V2[:2]:
            rest = await reader.readexactly(len(_PROXY_V2) - 2 + 4)
            await reader.readexactly(int.from_bytes(rest[-2:], "big"))
            headers, line = [("proxy", "v2")], await reader.readuntil(b"\n")
        return Seen(self.name, self.port, "tcp", headers=headers, body=line.decode("latin-1").strip())


@dataclass
class GreetingApp(EchoApp):
    """Speaks first, as databases do."""

    async def words(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Seen:
        return Seen(self.name, self.port, "tcp", body="greeting")


@dataclass
class TlsApp(EchoApp):
    """Ends TLS by itself, and says which server name it was asked for and by whom, if its client has a certificate."""

    world: World | None = None

    def tls(self) -> ssl.SSLContext | None:
        assert self.world is not None
        return tls_of(self.world, self.name)

    async def words(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Seen:
        line = await reader.readuntil(b"\n")
        asked, client = names_in(writer)
        headers = [("client", client)] if client else []
        return Seen(self.name, self.port, "tls", headers=headers, body=line.decode("latin-1").strip(), sni=asked)


def tls_of(world: World, owner: str) -> ssl.SSLContext:
    """Of a server outside the mesh: with a certificate of its world, asking clients for one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = _remember_name
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=world.roots)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "own.pem")
        path.write_bytes(b"".join(world.pair(owner)))
        context.load_cert_chain(path)
    return context


def names_in(writer: asyncio.StreamWriter) -> tuple[str | None, str]:
    """The server name that the client asked for, and the client's own name; empty without a certificate."""
    connection = writer.get_extra_info("ssl_object")
    if connection is None:
        return None, ""
    subject = (connection.getpeercert() or {}).get("subject", ())
    return getattr(connection, "asked_name", None), "".join(value for part in subject for _, value in part)


def _remember_name(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
    connection.asked_name = name  # type: ignore[union-attr]  # the standard library keeps it nowhere

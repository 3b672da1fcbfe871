"""Applications that do not speak HTTP. Each writes one line of JSON: who it is, and what it saw."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.traffic.model import Seen


@dataclass
class EchoApp:
    """Answers the first line it reads."""

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

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.write((await self.words(reader, writer)).json() + b"\n")
            await writer.drain()
            await reader.read()
        writer.close()

    async def words(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Seen:
        line = await reader.readuntil(b"\n")
        return Seen(self.name, self.port, "tcp", body=line.decode("latin-1").strip())


@dataclass
class GreetingApp(EchoApp):
    """Speaks first, as databases do."""

    async def words(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Seen:
        return Seen(self.name, self.port, "tcp", body="greeting")


@dataclass
class TlsApp(EchoApp):
    """Ends TLS by itself, with a certificate of its own that names its VM, and says which server name it was asked for."""

    def tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = _remember_name
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "own.pem")
            path.write_bytes(_certificate(self.name))
            context.load_cert_chain(path)
        return context

    async def words(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Seen:
        line = await reader.readuntil(b"\n")
        name = getattr(writer.get_extra_info("ssl_object"), "asked_name", None)
        return Seen(self.name, self.port, "tls", body=line.decode("latin-1").strip(), sni=name)


def _remember_name(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
    connection.asked_name = name  # type: ignore[union-attr]  # the standard library keeps it nowhere


def _certificate(name: str) -> bytes:
    """Key and self-signed certificate, PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form) + made.public_bytes(serialization.Encoding.PEM)

"""The one way in which the control plane fetches what a document names.

A writer of documents chooses the URL, so it must not lead to what only the control plane can reach: HTTPS alone, every address that the
name has is checked, the connection goes to the address that was checked, and no redirect is followed. Errors never repeat what came.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_BYTES = 1024 * 1024
_CHUNK = 64 * 1024
_PROTOCOLS = ipaddress.ip_network("192.0.0.0/24")
"""IETF protocol assignments (RFC 6890), which Python calls global in part."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
"""IPv6 that gateways turn into any IPv4 (RFC 6052, RFC 8215)."""


class FetchError(Exception):
    """What went wrong, in words that may be shown."""


@dataclass(frozen=True, slots=True)
class Outbound:
    """allowed: networks that may be reached although they are not public. own: addresses of the control plane. ca_file: roots besides
    the system's; empty: none. resolve: host and port to addresses; raises OSError."""

    allowed: tuple[Network, ...] = ()
    own: frozenset[Address] = frozenset()
    ca_file: str = ""
    resolve: Callable[[str, int], Sequence[str]] = lambda host, port: resolved(host, port)

    def get(self, url: str, seconds: float) -> bytes:
        """The body of a 200. Raises FetchError, after `seconds` at the latest (a resolver that hangs aside)."""
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 443
        if parts.scheme != "https" or not host or parts.username is not None:
            raise FetchError("only https is fetched, without a user in the URL")
        try:
            addresses = self.resolve(host, port)
        except (OSError, UnicodeError):
            raise FetchError("the name cannot be resolved") from None
        address = self._checked(addresses)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        context = ssl.create_default_context()
        if self.ca_file:
            context.load_verify_locations(self.ca_file)
        return _get(_Connection(host, port, address, context, seconds), target, seconds)

    def _checked(self, addresses: Iterable[str]) -> str:
        """The first of them. One that must not be reached condemns all: nobody has such a name by chance."""
        found = [ipaddress.ip_address(text.partition("%")[0]) for text in addresses]
        for address in found:
            if not self._permitted(address):
                raise FetchError("the name leads to an address that is not public, or the control plane's own")
        if not found:
            raise FetchError("the name has no address")
        return str(found[0])

    def _permitted(self, address: Address) -> bool:
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        real = mapped or address
        if any(real.version == network.version and real in network for network in self.allowed):
            return True
        if real in self.own or not real.is_global or real.is_multicast or real.is_reserved or real in _PROTOCOLS:
            return False
        if isinstance(real, ipaddress.IPv6Address):
            return not (real.is_site_local or real.sixtofour or real.teredo or any(real in network for network in _TRANSLATED))
        return True


def resolved(host: str, port: int) -> list[str]:
    """Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


class _Connection(http.client.HTTPSConnection):
    """To one address, for the certificate of `host`."""

    def __init__(self, host: str, port: int, address: str, context: ssl.SSLContext, seconds: float) -> None:
        super().__init__(host, port, timeout=seconds, context=context)
        self._to, self._tls, self._seconds = address, context, seconds
        # http.client forgets its own while a body is still being read from it.
        self._open: list[socket.socket] = []

    def connect(self) -> None:
        plain = socket.create_connection((self._to, self.port), self._seconds)
        self._open.append(plain)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
        self._open.append(self.sock)
        self.sock.do_handshake()

    def abort(self) -> None:
        for open_ in self._open:
            try:
                socket.socket.shutdown(open_, socket.SHUT_RDWR)
            except OSError:
                pass  # it is over already


def _get(connection: _Connection, target: str, seconds: float) -> bytes:
    # A time-out of a socket is for each read: a server that says one byte at a time would hold on for ever.
    alarm = threading.Timer(seconds, connection.abort)
    alarm.daemon = True
    alarm.start()
    try:
        connection.request(
            "GET", target, headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "meshweb"}
        )
        return _body(connection.getresponse())
    except ssl.SSLCertVerificationError:
        raise FetchError("its certificate cannot be verified") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise FetchError("no complete answer came in time") from None
    finally:
        alarm.cancel()
        connection.close()


def _body(response: http.client.HTTPResponse) -> bytes:
    if response.status != 200:
        raise FetchError(f"it answered {response.status} instead of 200; redirects are not followed")
    if response.getheader("content-encoding", "identity").lower() != "identity":
        raise FetchError("it answered with a compressed body")
    found = bytearray()
    while chunk := response.read(min(_CHUNK, MAX_BYTES + 1 - len(found))):
        found += chunk
        if len(found) > MAX_BYTES:
            raise FetchError(f"it answered with more than {MAX_BYTES} bytes")
    if response.length:
        raise FetchError("its answer ended early")
    return bytes(found)

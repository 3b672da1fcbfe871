"""Address ranges and addresses of this sidecar."""

from __future__ import annotations

import ipaddress
import os
import socket
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from meshweb.agent.files import InUse, lock

DEFAULT_RANGE = "127.77.0.0/16"
_FIRST, _LAST = 64, 126


class NoAddress(Exception):
    """No address or range can be found; the text says which flag helps."""


def parse_range(text: str) -> str:
    """A network in 127.0.0.0/8 in normal form. Raises NoAddress."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise NoAddress(f"--loopback-range {text}: {error}") from None
    if network.version != 4 or not network.subnet_of(ipaddress.IPv4Network("127.0.0.0/8")) or network.prefixlen > 24:
        raise NoAddress(f"--loopback-range {text}: give a network in 127.0.0.0/8 with at least 256 addresses")
    return str(network)


def claim_range(bind: str, preferred: str | None) -> tuple[str, int | None]:
    """The range of local addresses for services, and a lock to hold while it is used.

    A sidecar on a real address has the host to itself and takes 127.77.0.0/16. Several sidecars on one host (bind in 127/8) must
    not collide: each takes the first free /16 of 127.64 to 127.126, `preferred` first. Raises NoAddress.
    """
    if not ipaddress.ip_address(bind).is_loopback:
        return preferred or DEFAULT_RANGE, None
    candidates = [f"127.{second}.0.0/16" for second in range(_FIRST, _LAST + 1)]
    if preferred is not None:
        candidates.insert(0, preferred)
    for candidate in candidates:
        try:
            return candidate, lock(_lock_file(candidate))
        except InUse:
            continue
        except OSError:
            continue  # another user's lock file: that range is theirs
    raise NoAddress("every range of 127.64.0.0 to 127.126.0.0 is in use: give one with --loopback-range")


def _lock_file(network: str) -> Path:
    # Not in the data directory: all sidecars of the host must see it.
    return Path(tempfile.gettempdir()) / f"meshweb-loopback-{network.partition('/')[0]}.lock"


def address_towards(url: str) -> str:
    """This host's address on the way to the control plane. Raises NoAddress."""
    parts = urlsplit(url)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(address)  # UDP: nothing is sent
            return str(probe.getsockname()[0])
    except OSError as error:
        raise NoAddress(f"cannot tell this host's address towards {url} ({error.strerror}): give --bind") from None


def is_free(address: str, port: int) -> str | None:
    """None when the port can be bound, else why not."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return os.strerror(error.errno) if error.errno else str(error)
    return None

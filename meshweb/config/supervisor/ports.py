"""Whether ports can be taken, and who has them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path


class PortTaken(Exception):
    """Shown as one line: the port, who has it when that can be seen, and the flag that helps."""


def require_free(wanted: Mapping[str, tuple[str, int]]) -> None:
    """`wanted`: flag -> (address, port). Raises PortTaken for the first that cannot be bound."""
    for flag, (address, port) in wanted.items():
        reason = _refusal(address, port)
        if reason is not None:
            raise PortTaken(f"port {port} cannot be used ({reason}): free it, or give another with {flag}")


def _refusal(address: str, port: int) -> str | None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen()  # another listener with SO_REUSEADDR is found out only here
        except OSError as error:
            owner = owner_of(port)
            return f"used by {owner}" if owner else (os.strerror(error.errno) if error.errno else str(error))
    return None


def owner_of(port: int) -> str | None:
    """`name (process 12)` of who listens there; None when there is no one, or it is another user's."""
    inodes = {f"socket:[{inode}]" for inode in _listening(port)}
    if not inodes:
        return None
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _holds(process, inodes):
            try:
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
            except FileNotFoundError:
                continue
    return None


def _listening(port: int) -> Iterable[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _holds(process: Path, inodes: set[str]) -> bool:
    try:
        return any(str(entry.readlink()) in inodes for entry in (process / "fd").iterdir())
    except OSError:
        return False  # ended meanwhile, or not ours to see

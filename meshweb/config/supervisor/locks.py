"""One supervisor per data directory, and the end of what a killed one left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Any

from meshweb.agent import files, process

_GRACE = 5.0


class AlreadyRunning(Exception):
    """Another supervisor uses the data directory; shown as one line."""


def lock(data_dir: Path, name: str = "supervisor") -> int:
    """Held until the process ends. Raises AlreadyRunning, OSError."""
    path = data_dir / f"{name}.lock"
    try:
        descriptor = files.lock(path)
    except files.InUse:
        owner = path.read_text().strip()
        by = f" (process {owner})" if owner.isdigit() else ""
        raise AlreadyRunning(f"meshweb already runs on {data_dir}{by}: stop it first, or give another --data-dir") from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def leftovers(status: Path) -> list[tuple[str, process.ProcessId]]:
    """The children of a status file that still run. A reused pid is not among them: its start time differs."""
    try:
        known = files.read_json(status) or {}
    except ValueError:
        return []  # the file is written whole or not at all; another program's content names no child of ours
    found = []
    for child in known.get("children", []):
        identity = _identity(child)
        if identity is not None and process.alive(identity):
            found.append((str(child["name"]), identity))
    return found


async def end_leftovers(found: list[tuple[str, process.ProcessId]]) -> None:
    """Newest first, as in a stop. They got their death signal already; those still here are told again, then killed."""
    for _, identity in reversed(found):
        process.send(identity, signal.SIGTERM)
        try:
            async with asyncio.timeout(_GRACE):
                await process.wait(identity)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                if process.alive(identity) and os.getpgid(identity.pid) == identity.pid:
                    os.killpg(identity.pid, signal.SIGKILL)
            await process.wait(identity)


def _identity(child: Any) -> process.ProcessId | None:
    pid, started = child.get("pid"), child.get("started")
    return process.ProcessId(pid, started) if isinstance(pid, int) and isinstance(started, int) else None

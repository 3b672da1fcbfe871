"""Envoy's admin interface on its private Unix socket."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from pathlib import Path
from typing import Any


class AdminAway(Exception):
    """Envoy does not answer on its admin socket."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("admin", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _request(path: Path, method: str, target: str, timeout: float) -> tuple[int, bytes]:
    connection = _UnixConnection(path, timeout)
    try:
        connection.request(method, target)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise AdminAway(f"{path}: {error or type(error).__name__}") from None
    finally:
        connection.close()


async def request(socket_path: Path, method: str, path: str, timeout: float = 5.0) -> tuple[int, bytes]:
    """Status and body. Raises AdminAway."""
    return await asyncio.to_thread(_request, socket_path, method, path, timeout)


async def get(socket_path: Path, path: str) -> bytes:
    """Body of a 200. Raises AdminAway."""
    status, body = await request(socket_path, "GET", path)
    if status != 200:
        raise AdminAway(f"GET {path} answered {status}")
    return body


async def post(socket_path: Path, path: str) -> None:
    """Raises AdminAway."""
    status, _ = await request(socket_path, "POST", path)
    if status != 200:
        raise AdminAway(f"POST {path} answered {status}")


async def stats(socket_path: Path, pattern: str) -> dict[str, int]:
    """Counters and gauges whose name matches the regular expression. Raises AdminAway."""
    parsed: Any = json.loads(await get(socket_path, f"/stats?format=json&filter={pattern}"))
    return {item["name"]: item["value"] for item in parsed["stats"] if isinstance(item.get("value"), int)}


async def serving(socket_path: Path) -> bool:
    """Whether Envoy is LIVE and has taken listeners from the control plane or from disk (LIVE alone can mean: nothing)."""
    try:
        status, _ = await request(socket_path, "GET", "/ready")
        if status != 200:
            return False
        found = await stats(socket_path, "listener_manager.lds.update_success")
    except AdminAway:
        return False
    return any(value > 0 for value in found.values())


async def active_requests(socket_path: Path) -> int:
    """Requests under way on all HTTP listeners. Raises AdminAway."""
    found = await stats(socket_path, "downstream_rq_active")
    return sum(value for name, value in found.items() if not name.startswith("http.admin."))  # that would be this one

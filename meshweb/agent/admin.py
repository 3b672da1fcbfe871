"""Envoy's admin interface on its private Unix socket."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

_MAX_ANSWER = 64 * 1024 * 1024


class AdminAway(Exception):
    """Envoy does not answer on its admin socket."""


async def request(socket: Path, method: str, path: str, timeout: float = 5.0) -> tuple[int, bytes]:
    """Status and body. Raises AdminAway."""
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_unix_connection(str(socket))
            try:
                writer.write(f"{method} {path} HTTP/1.0\r\nhost: admin\r\ncontent-length: 0\r\n\r\n".encode())
                await writer.drain()
                answer = b""
                while chunk := await reader.read(_MAX_ANSWER):
                    answer += chunk
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        raise AdminAway(f"{socket}: {error or 'timeout'}") from None
    head, _, body = answer.partition(b"\r\n\r\n")
    parts = head.split(maxsplit=2)
    if len(parts) < 2 or not parts[1].isdigit():
        raise AdminAway(f"{socket}: not an HTTP answer")
    return int(parts[1]), body


async def get(socket: Path, path: str) -> bytes:
    """Body of a 200. Raises AdminAway."""
    status, body = await request(socket, "GET", path)
    if status != 200:
        raise AdminAway(f"GET {path} answered {status}")
    return body


async def post(socket: Path, path: str) -> None:
    """Raises AdminAway."""
    status, _ = await request(socket, "POST", path)
    if status != 200:
        raise AdminAway(f"POST {path} answered {status}")


async def stats(socket: Path, pattern: str) -> dict[str, int]:
    """Counters and gauges whose name matches the regular expression. Raises AdminAway."""
    parsed: Any = json.loads(await get(socket, f"/stats?format=json&filter={pattern}"))
    return {item["name"]: item["value"] for item in parsed["stats"] if isinstance(item.get("value"), int)}


async def serving(socket: Path) -> bool:
    """Whether Envoy is LIVE and has taken listeners from the control plane or from disk (LIVE alone can mean: nothing)."""
    try:
        status, _ = await request(socket, "GET", "/ready")
        if status != 200:
            return False
        found = await stats(socket, "listener_manager.lds.update_success")
    except AdminAway:
        return False
    return any(value > 0 for value in found.values())


async def active_requests(socket: Path) -> int:
    """Requests under way on all HTTP listeners. Raises AdminAway."""
    return sum((await stats(socket, "downstream_rq_active")).values())

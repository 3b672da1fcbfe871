"""Probes of every sort against real servers and commands."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from meshweb.agent.probes import check_once, parse_probe

_STATUSES = {b"": 1, b"shop.Pay": 1, b"shop.Down": 2}


class _Health(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs alone
    """grpc.health.v1.Health/Check, by the bytes on the wire."""

    def service(self, details: Any) -> Any:
        if details.method != "/grpc.health.v1.Health/Check":
            return None

        async def check(request: bytes, context: Any) -> bytes:
            name = request[2:]
            if name not in _STATUSES:
                await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
            return bytes([8, _STATUSES[name]])

        return grpc.unary_unary_rpc_method_handler(check)


@asynccontextmanager
async def _server(*handlers: _Health) -> AsyncIterator[int]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(handlers)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


@pytest.mark.parametrize(
    ("service", "words"),
    [("", None), ("shop.Pay", None), ("shop.Down", "the service 'shop.Down'"), ("shop.Gone", "NOT_FOUND: unknown service")],
)
async def test_grpc_asks_for_a_service(service: str, words: str | None) -> None:
    async with _server(_Health()) as port:
        probe = parse_probe({"grpc": {"port": port, "service": service}, "timeoutSeconds": 5}, "127.0.0.1")
        assert probe is not None
        told = await check_once(probe)
    assert told is None if words is None else words in (told or "")


async def test_grpc_without_the_health_service_is_unhealthy() -> None:
    async with _server() as port:
        probe = parse_probe({"grpc": {"port": port}, "timeoutSeconds": 5}, "127.0.0.1")
        assert probe is not None
        assert "UNIMPLEMENTED" in (await check_once(probe) or "")


@pytest.mark.parametrize(("code", "words"), [("pass", None), ("import sys; sys.exit(3)", "ended with 3")])
async def test_exec_is_judged_by_its_exit_status(code: str, words: str | None) -> None:
    settings = {"exec": {"command": [sys.executable, "-c", code]}, "timeoutSeconds": 20}
    probe = parse_probe(settings, "127.0.0.1", allow_exec=True)
    assert probe is not None
    told = await check_once(probe)
    assert told is None if words is None else words in (told or "")


async def test_a_command_that_does_not_end_is_ended_with_all_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $! $$ > {pids}; wait"
    probe = parse_probe({"exec": {"command": ["sh", "-c", script]}, "timeoutSeconds": 1}, "127.0.0.1", allow_exec=True)
    assert probe is not None
    assert "did not answer within 1 s" in (await check_once(probe) or "")
    async with asyncio.timeout(5):
        while any(_runs(int(pid)) for pid in pids.read_text().split()):
            await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"


async def test_a_command_that_is_not_there_says_so() -> None:
    probe = parse_probe({"exec": {"command": ["/nowhere/probe"]}}, "127.0.0.1", allow_exec=True)
    assert probe is not None
    assert "/nowhere/probe" in (await check_once(probe) or "")

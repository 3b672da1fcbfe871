"""What both the old and the new documents serve is served while one takes the place of the other."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.traffic import mesh
from tests.traffic.calls import Address
from tests.traffic.cases import Case, File, Row
from tests.traffic.conftest import Driver
from tests.traffic.rig import Rig

CHANGES = Path(__file__).with_name("changes.yaml")
_BETWEEN = 12
"""Answers of each kind of load between two changes, at least."""
_UNCOUNTED = "x-fail-first: -1\r\n"
"""The applications count the tries of requests with a number; these have none."""


class Load:
    """Calls one after the other: each on a connection of its own, or all on one that is opened again when the proxy has closed it."""

    def __init__(self, name: str, address: Address, *, host: str = "", keep: bool = False) -> None:
        self.name, self._address, self._host, self._keep = name, address, host, keep
        self.answers: Counter[str] = Counter()
        self.news = asyncio.Event()

    async def run(self) -> None:
        connection = None
        while True:
            told, connection = await self._call(connection)
            self.answers[told] += 1
            self.news.set()
            await asyncio.sleep(0.002)  # leaves room for what is measured

    async def _call(self, kept: Any) -> tuple[str, Any]:
        try:
            reader, writer = kept or await asyncio.open_connection(*self._address)
            body = b"hello\n" if not self._host else f"GET / HTTP/1.1\r\nhost: {self._host}\r\n{_UNCOUNTED}\r\n".encode()
            writer.write(body)
            async with asyncio.timeout(10):
                told, closing = await (_answer(reader) if self._host else _echo(reader))
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            # A connection that was closed between two requests was nobody's: it is opened again, as every client does.
            idle = kept is not None and isinstance(error, ConnectionError | asyncio.IncompleteReadError)
            if idle and not getattr(error, "partial", b""):
                return await self._call(None)
            return f"{type(error).__name__}: {error}", None
        if self._keep and not closing:
            return told, (reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return told, None


async def _answer(reader: asyncio.StreamReader) -> tuple[str, bool]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next((int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")), 0)
    await reader.readexactly(length)
    return head.split(" ", 2)[1], "connection: close" in head


async def _echo(reader: asyncio.StreamReader) -> tuple[str, bool]:
    return ("echo" if b"hello" in await reader.readuntil(b"\n") else "other"), False


def _steps() -> Iterator[tuple[str, Case]]:
    """There and back: each change in turn, then everything taken away again from the newest on."""
    changes = yaml.safe_load(CHANGES.read_text())
    held: dict[tuple[str, str], dict[str, Any]] = {}
    for number, change in enumerate(changes):
        name = change.pop("name")
        held[change["kind"], change["metadata"]["name"]] = change
        yield name, Case(f"changes/{number}", File(documents=yaml.safe_dump_all(held.values())))
    for number, key in enumerate(reversed(list(held))):
        held.pop(key)
        yield f"without {' '.join(key)}", Case(f"changes/back-{number}", File(documents=yaml.safe_dump_all(held.values())))


def _loads(rig: Rig) -> list[Load]:
    def at(to: str) -> Address:
        return rig.address(Row.model_validate({"name": "load", "to": to}))

    return [
        Load("web, a connection each", at("web.shop:8080"), host="web.shop:8080"),
        Load("web, one connection", at("web.shop:8080"), host="web.shop:8080", keep=True),
        Load("pay, a connection each", at("pay.shop:8080"), host="pay.shop:8080"),
        Load("pay, one connection", at("pay.shop:8080"), host="pay.shop:8080", keep=True),
        Load("TCP, a connection each", at(f"api.shop:{mesh.TCP}")),
    ]


async def _go_through(rig: Rig) -> list[str]:
    await rig.use(Case("changes/none", File()))
    loads = _loads(rig)
    workers = [asyncio.create_task(load.run()) for load in loads]
    problems: list[str] = []
    try:
        for name, case in _steps():
            await rig.use(case)
            for load in loads:
                wanted = load.answers.total() + _BETWEEN
                async with asyncio.timeout(30):
                    while load.answers.total() < wanted:
                        load.news.clear()
                        await load.news.wait()
                bad = {told: count for told, count in load.answers.items() if told not in {"200", "echo"}}
                if bad:
                    problems.append(f"{name}: {load.name}: {bad}")
                    load.answers.clear()
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return problems


def test_no_change_of_any_kind_costs_a_request(driver: Driver) -> None:
    problems = driver.run(_go_through(driver.rig))
    assert not problems, "\n".join(problems)

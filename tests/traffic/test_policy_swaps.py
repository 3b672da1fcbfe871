"""While one set of policies takes the place of another, no response is one that both forbid, none is missing that both allow, and an
acknowledged set holds for every request that follows.

`POLICY_SWAPS` sets how often the round is gone (1), `POLICY_SWAP_RATE` the requests per second (500)."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.traffic.calls import Address
from tests.traffic.cases import Case, File, Row
from tests.traffic.conftest import Driver
from tests.traffic.mesh import H2C, Json
from tests.traffic.model import Request
from tests.traffic.rig import Rig

ROUNDS = int(os.environ.get("POLICY_SWAPS", "1"))
RATE = int(os.environ.get("POLICY_SWAP_RATE", "500"))
_WORKERS = 20
_BETWEEN = 150
"""Answers between two swaps, at least."""
PATHS = ("/a", "/b", "/both", "/secret")


@dataclass(frozen=True)
class Step:
    """allowed: of `PATHS`, for the caller `shop/web`."""

    name: str
    documents: tuple[Json, ...]
    allowed: frozenset[str]


def _policy(name: str, *paths: str, action: str = "ALLOW", **metadata: Any) -> Json:
    rules = [
        {"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/web"]}}], "to": [{"operation": {"paths": [*paths]}}]}
    ]
    spec = {"selector": {"matchLabels": {"app": "pay"}}, "action": action, **({"rules": rules} if paths else {})}
    return _document("AuthorizationPolicy", name, spec, **metadata)


def _document(kind: str, name: str, spec: Json, **metadata: Any) -> Json:
    version = {"MeshConfig": "meshweb.io/v1", "HTTPRoute": "gateway.networking.k8s.io/v1"}.get(kind, "security.istio.io/v1")
    namespace = {} if kind == "MeshConfig" else {"namespace": "shop"}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **namespace, **metadata}, "spec": spec}


_DENIES = _document("MeshConfig", "default", {"defaultAuthorization": "DENY"})
_SECRET = _policy("no-secret", "/secret", action="DENY")
_TRIED = {"istio.io/dry-run": "true"}


def _steps() -> Iterator[Step]:
    a, b, everything = frozenset({"/a", "/both"}), frozenset({"/b", "/both"}), frozenset(PATHS) - {"/secret"}
    yield Step("one policy", (_policy("p", "/a", "/both"),), a)
    yield Step("the same document, another path", (_policy("p", "/b", "/both"),), b)
    yield Step("another document in its place", (_policy("q", "/a", "/both"),), a)
    yield Step("two in its place", (_policy("r", "/b"), _policy("s", "/both")), b)
    yield Step("one that admits nobody", (_policy("r"),), frozenset())
    yield Step("no policy, and nobody by default", (_DENIES,), frozenset())
    yield Step("one policy in front of the default", (_DENIES, _policy("p", "/a", "/both")), a)
    yield Step("without the default", (_policy("p", "/a", "/both"),), a)
    yield Step("a DENY instead of the ALLOW", (_SECRET,), everything)
    yield Step("both", (_SECRET, _policy("p", "/b", "/both", "/secret")), b)
    yield Step(
        "the DENY is only tried, the ALLOW narrower",
        (_policy("no-secret", "/secret", action="DENY", annotations=_TRIED), _policy("p", "/a", "/both")),
        a,
    )
    yield Step(
        "the ALLOW is only tried, nobody by default", (_DENIES, _policy("p", "/a", "/both", annotations=_TRIED)), frozenset()
    )
    target = {"targetRefs": [{"kind": "Service", "group": "", "name": "pay"}]}
    rules = [{"to": [{"operation": {"paths": ["/b", "/both"]}}]}]
    yield Step("by the Service", (_document("AuthorizationPolicy", "t", {**target, "rules": rules}),), b)


STEPS = tuple(_steps())


@dataclass
class Watch:
    """What may be answered right now: by `before` or `after`, which are the same while nothing changes. epoch: how often that changed."""

    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    step: str = ""
    epoch: int = 0
    wrong: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def set(self, before: frozenset[str], after: frozenset[str], step: str) -> None:
        self.before, self.after, self.step, self.epoch = before, after, step, self.epoch + 1

    async def more(self, count: int) -> None:
        wanted = self.answers.total() + count
        async with asyncio.timeout(30):
            while self.answers.total() < wanted:
                self.news.clear()
                await self.news.wait()

    async def call(self, connection: _Connection, path: str) -> None:
        epoch, sets = self.epoch, [self.before, self.after]
        told = await connection.get(path)
        # What changed meanwhile may have been the answer's: at most one change fits into a call.
        sets += [self.before, self.after] if self.epoch != epoch else []
        expected = {"200" if path in allowed else "403" for allowed in sets}
        self.answers[told] += 1
        self.news.set()
        if told not in expected:
            self.wrong.append(f"{self.step}: {path} was answered {told} instead of {' or '.join(sorted(expected))}")


class _Connection:
    """Kept open as long as the proxy lets it, or for one request."""

    def __init__(self, address: Address, *, keep: bool) -> None:
        self._address, self._keep = address, keep
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> str:
        """The status; one that was closed between two requests is opened again, as every client does."""
        for last in (False, True):
            kept = self._open is not None
            reader, writer = self._open or await asyncio.open_connection(*self._address)
            self._open = (reader, writer)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nhost: pay.shop:8080\r\n\r\n".encode())
                async with asyncio.timeout(10):
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                    length = next((int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")), 0)
                    await reader.readexactly(length)
            except (ConnectionError, asyncio.IncompleteReadError, TimeoutError) as error:
                self.close()
                if kept and not last and not getattr(error, "partial", b""):
                    continue
                return f"{type(error).__name__}: {error}"
            if not self._keep or "connection: close" in head:
                self.close()
            return head.split(" ", 2)[1]
        raise AssertionError("unreachable")

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
        self._open = None


async def _work(watch: Watch, address: Address, number: int) -> None:
    """One worker's part of the rate, over all paths in turn."""
    connection, period, turn = _Connection(address, keep=number % 4 != 0), _WORKERS / RATE, number
    due = time.monotonic() + period * number / _WORKERS
    try:
        while True:
            await asyncio.sleep(max(due - time.monotonic(), 0))
            due = max(due + period, time.monotonic() - period)
            await watch.call(connection, PATHS[turn % len(PATHS)])
            turn += 1
    finally:
        connection.close()


async def _go(rig: Rig) -> tuple[Watch, float]:
    """All swaps under load, and the requests per second that were made."""
    watch, held = Watch(), frozenset(PATHS)
    await rig.use(Case("swaps/none", File()))
    watch.set(held, held, "none")
    address = rig.address(Row(name="swap", to="pay.shop:8080"))
    workers = [asyncio.create_task(_work(watch, address, number)) for number in range(_WORKERS)]
    begun = time.monotonic()
    try:
        for step in STEPS * ROUNDS:
            watch.set(held, step.allowed, f"while {step.name}")
            await rig.use(Case(f"swaps/{step.name}", File(documents=yaml.safe_dump_all(step.documents))))
            held = step.allowed
            watch.set(held, held, step.name)
            await watch.more(_BETWEEN)
    finally:
        elapsed = time.monotonic() - begun
        for worker in workers:
            worker.cancel()
        ended = await asyncio.gather(*workers, return_exceptions=True)
    failed = [error for error in ended if isinstance(error, Exception)]
    assert not failed, failed
    return watch, watch.answers.total() / elapsed


def test_swaps_let_nothing_through_that_both_sets_forbid(driver: Driver) -> None:
    watch, rate = driver.run(_go(driver.rig))
    print(f"{watch.answers.total()} answers {dict(watch.answers)}, {rate:.0f} per second, {len(STEPS) * ROUNDS} swaps")
    assert not watch.wrong, f"{len(watch.wrong)} of {watch.answers.total()}:\n" + "\n".join(watch.wrong[:20])
    assert set(watch.answers) == {"200", "403"}


async def _knock(rig: Rig, answers: Counter[str]) -> None:
    """Whoever opens the port of `_OPENING` first: a caller that nobody lets in, connection after connection."""
    request = Request("GET", "/", "pay.shop", tls=True, identity="other/client", sni="pay.shop")
    while True:
        [response] = await rig.calls.many("h1", (rig.vms["shop/pay-a-1"].bind, H2C), [request])
        answers[str(response.status or response.error)] += 1
        await asyncio.sleep(0)  # refused connections cost nothing: others have to have their turn


_OPENING = (
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "opening", "namespace": "shop"},
        "spec": {"selector": {"app": "pay"}, "ports": [{"name": "http2", "port": H2C}]},
    },
    _policy("p", "/a"),
)


async def _open_and_close(rig: Rig) -> Counter[str]:
    answers: Counter[str] = Counter()
    await rig.use(Case("opening/none", File()))
    knocking = asyncio.create_task(_knock(rig, answers))
    try:
        for _ in range(10 * ROUNDS):
            await rig.use(Case("opening/opened", File(documents=yaml.safe_dump_all(_OPENING))))
            await rig.use(Case("opening/closed", File()))
    finally:
        knocking.cancel()
        await asyncio.gather(knocking, return_exceptions=True)
    return answers


def test_a_port_that_is_opened_with_its_policy_is_never_open_without(driver: Driver) -> None:
    answers = driver.run(_open_and_close(driver.rig))
    assert answers["403"], f"nobody came while it was open: {answers}"
    assert not answers["200"], answers

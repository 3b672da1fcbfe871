"""The rate limit service: counts what the asking proxy's snapshot has, for all proxies in one place, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio

from meshweb.config.adapters.counters import RedisCounters
from meshweb.config.embedded.valkey import ValkeyServer
from meshweb.config.environment import redis_urls
from meshweb.core.intent import DocumentKey
from meshweb.core.ir.rate_limits import CountedBy, Limit, RateLimit
from meshweb.core.shared_limits import shared_by
from meshweb.core.snapshot import Section, Snapshot
from meshweb.protos import message
from meshweb.xds.rate_limits import decide
from tests.xds.fakes import MemoryCounters
from tests.xds.test_server import WEB, Rig

_OK, _OVER = 1, 2
_METHOD = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"
Entries = tuple[tuple[str, str], ...]


def _limits(name: str = "web", **changes: Any) -> Section:
    limits = (
        Limit("all", 2, 60_000, 2, shared=True),
        Limit("by-user", 1, 60_000, 1, by=((CountedBy.HEADER, "x-user"),), shared=True),
        Limit("own", 1, 60_000, 1),
    )
    document = RateLimit(DocumentKey("RateLimit", "shop", name), limits, headers=(("x-why", "many"),), **changes)
    return Section.of(shared_by([document, None, document]))


def _request(*descriptors: Entries) -> bytes:
    parts = [{"entries": [{"key": key, "value": value} for key, value in entries]} for entries in descriptors]
    made: bytes = message("envoy.service.ratelimit.v3.RateLimitRequest")(
        domain="meshweb", descriptors=parts
    ).SerializeToString()
    return made


def _of(limit: str, *values: tuple[str, str], document: str = "shop/web") -> Entries:
    return (("document", document), ("limit", limit), *values)


def _parsed(answer: bytes) -> tuple[int, list[int], dict[str, str]]:
    found = message("envoy.service.ratelimit.v3.RateLimitResponse").FromString(answer)
    headers = {header.key: header.value for header in found.response_headers_to_add}
    return found.overall_code, [status.code for status in found.statuses], headers


ALL, ANN, BOB = _of("all"), _of("by-user", ("header:x-user", "ann")), _of("by-user", ("header:x-user", "bob"))
TABLE: dict[str, tuple[list[tuple[Entries, ...]], dict[str, Any], list[tuple[int, list[int]]]]] = {
    "one counter for all": ([(ALL,)] * 3, {}, [(_OK, [_OK]), (_OK, [_OK]), (_OVER, [_OVER])]),
    "one for each value": ([(ANN,), (BOB,), (ANN,)], {}, [(_OK, [_OK]), (_OK, [_OK]), (_OVER, [_OVER])]),
    "several at once": ([(ALL, ANN), (ALL, ANN)], {}, [(_OK, [_OK, _OK]), (_OVER, [_OK, _OVER])]),
    "the same twice counts once": ([(ALL, ALL), (ALL, ALL)], {}, [(_OK, [_OK, _OK])] * 2),
    "shadow": ([(ANN,), (ANN,)], {"shadow": True}, [(_OK, [_OK]), (_OK, [_OVER])]),
    "a limit that is gone": ([(_of("old"),)] * 3, {}, [(_OK, [_OK])] * 3),
    "a proxy's own limit": ([(_of("own"),)] * 3, {}, [(_OK, [_OK])] * 3),
    "somebody else's document": ([(_of("all", document="shop/pay"),)] * 3, {}, [(_OK, [_OK])] * 3),
    "nothing that we know": ([((("x", "y"),),)], {}, [(_OK, [_OK])]),
    "no descriptor": ([()], {}, [(_OK, [])]),
}


@pytest.mark.asyncio
@pytest.mark.parametrize(("requests", "changes", "expected"), TABLE.values(), ids=TABLE)
async def test_decisions(
    requests: list[tuple[Entries, ...]], changes: dict[str, Any], expected: list[tuple[int, list[int]]]
) -> None:
    counters, limits = MemoryCounters(), _limits(**changes)
    assert [_parsed(await decide(limits, counters, _request(*asked)))[:2] for asked in requests] == expected


@pytest.mark.asyncio
async def test_what_answers_say() -> None:
    counters, limits = MemoryCounters(), _limits()
    told = [_parsed(await decide(limits, counters, _request(ALL)))[2] for _ in range(3)]
    numbers = [(h["x-ratelimit-limit"], h["x-ratelimit-remaining"], h["x-ratelimit-reset"]) for h in told]
    assert numbers == [("2", "1", "60"), ("2", "0", "60"), ("2", "0", "60")]
    assert [h.get("x-why") for h in told] == [None, None, "many"]
    assert _parsed(await decide(_limits(tell=False), counters, _request(ALL)))[2] == {"x-why": "many"}


@pytest.mark.asyncio
async def test_values_are_hashed_and_kept_apart() -> None:
    counters = MemoryCounters()
    for values in ([("header:x-user", "a" * 100_000)], [("k", "ab"), ("l", "c")], [("k", "a"), ("l", "bc")]):
        await decide(_limits(), counters, _request(_of("by-user", *values)))
    assert len(counters.counts) == 3
    assert all(len(key) < 80 for key in counters.counts)


@pytest.mark.asyncio
async def test_what_is_no_request() -> None:
    for data in (b"\xff\xff", _request(*[ALL] * 257)):
        with pytest.raises(ValueError, match=r"RateLimitRequest|descriptors"):
            await decide(_limits(), MemoryCounters(), data)


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    made.port = await made.server.start("127.0.0.1:0")
    made.source.set(WEB, Snapshot(1, {}, _limits()))
    yield made
    await made.server.stop(0)


async def _call(rig: Rig, data: bytes, stranger: bool = False) -> bytes | grpc.StatusCode:
    async with rig.channel(rig.ca.client("shop", "web") if stranger else None) as channel:
        try:
            answer: bytes = await channel.unary_unary(_METHOD)(data)  # type: ignore[call-arg]  # the stubs want serializers
        except grpc.aio.AioRpcError as error:
            return error.code()
        return answer


@pytest.mark.asyncio
async def test_on_the_wire(rig: Rig) -> None:
    answer = await _call(rig, _request(ALL))
    assert isinstance(answer, bytes)
    assert _parsed(answer)[0] == _OK
    assert await _call(rig, b"\xff\xff") is grpc.StatusCode.INVALID_ARGUMENT
    assert await _call(rig, _request(ALL), stranger=True) is grpc.StatusCode.PERMISSION_DENIED
    rig.counters.away = True
    assert await _call(rig, _request(ALL)) is grpc.StatusCode.UNAVAILABLE


@pytest.mark.asyncio
async def test_counters_in_valkey(redis_server: ValkeyServer) -> None:
    """Two servers, one counter; it forgets when its window has passed."""
    url = redis_urls(redis_server.url).counters
    one, other = RedisCounters(url), RedisCounters(url)
    counts = [await server.count("t/a/x", requests=3, seconds=3600) for server in (one, other, one, other)]
    assert [(count.admitted, count.remaining) for count in counts] == [(True, 2), (True, 1), (True, 0), (False, 0)]
    assert 0 < counts[-1].reset <= 3600
    assert (await one.count("t/a/y", requests=3, seconds=3600)).remaining == 2

"""How a DestinationRule spreads requests over endpoints (Istio reference, "LoadBalancerSettings")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isqrt
from typing import Annotated, Literal

from pydantic import Field

from meshweb.core.errors import Violation, pointer, under
from meshweb.kinds.base import SpecModel
from meshweb.kinds.common.http import HeaderName
from meshweb.kinds.common.istio import IstioDuration, PositiveDuration

MAX_TABLE = 5_000_011
"""Envoy's largest Maglev table."""

_SEGMENT = r"[A-Za-z0-9._-]+"
LocalityPattern = Annotated[str, Field(max_length=190, pattern=rf"^(\*|{_SEGMENT}(/\*|/{_SEGMENT}(/\*|/{_SEGMENT})?)?)$")]
"""`region/zone/subzone`; `*` may stand for the rest."""
Region = Annotated[str, Field(max_length=63, pattern=rf"^{_SEGMENT}$")]
PriorityLabel = Annotated[str, Field(max_length=381, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?(=[-A-Za-z0-9_.]*)?$")]
Priorities = Annotated[tuple[PriorityLabel, ...], Field(max_length=32)]


class RingHash(SpecModel):
    minimum_ring_size: Annotated[int, Field(ge=1, le=8_388_608)] = 1024


class Maglev(SpecModel):
    table_size: Annotated[int, Field(ge=2, le=MAX_TABLE)] = 65_537


class CookieAttribute(SpecModel):
    name: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
    value: Annotated[str, Field(max_length=1024, pattern=r"^[\x20-\x3a\x3c-\x7e]*$")] = ""


class HttpCookie(SpecModel):
    """Without `ttl` no cookie is made, only read; 0s makes one for the session."""

    name: HeaderName
    path: Annotated[str, Field(max_length=1024, pattern=r"^[\x20-\x3a\x3c-\x7e]*$")] | None = None
    ttl: IstioDuration | None = None
    attributes: Annotated[tuple[CookieAttribute, ...], Field(max_length=16)] = ()


class ConsistentHash(SpecModel):
    """`minimumRingSize` is the deprecated spelling of `ringHash.minimumRingSize`."""

    http_header_name: HeaderName | None = None
    http_cookie: HttpCookie | None = None
    use_source_ip: bool | None = None
    http_query_parameter_name: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    ring_hash: RingHash | None = None
    maglev: Maglev | None = None
    minimum_ring_size: Annotated[int, Field(ge=1, le=8_388_608)] | None = None


class Distribute(SpecModel):
    """Traffic of callers in `from`: percent for each locality in `to`."""

    from_: LocalityPattern = Field(alias="from")
    to: Annotated[dict[LocalityPattern, Annotated[int, Field(ge=1, le=100)]], Field(min_length=1, max_length=128)]


class Failover(SpecModel):
    from_: Region = Field(alias="from")
    to: Region


class LocalitySetting(SpecModel):
    enabled: bool | None = None
    distribute: Annotated[tuple[Distribute, ...], Field(max_length=128)] = ()
    failover: Annotated[tuple[Failover, ...], Field(max_length=128)] = ()
    failover_priority: Priorities = ()


class Warmup(SpecModel):
    duration: PositiveDuration
    minimum_percent: Annotated[float, Field(ge=0, le=100)] = 10.0
    aggression: Annotated[float, Field(ge=1, le=1_000_000)] = 1.0


class LoadBalancer(SpecModel):
    """`warmupDurationSecs` is the deprecated spelling of `warmup.duration`. LEAST_CONN is LEAST_REQUEST of old."""

    simple: Literal["UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"] | None = None
    consistent_hash: ConsistentHash | None = None
    locality_lb_setting: LocalitySetting | None = None
    warmup: Warmup | None = None
    warmup_duration_secs: PositiveDuration | None = None


def load_balancer(settings: LoadBalancer) -> Iterator[Violation]:
    """Pointers begin at the settings."""
    if settings.simple is not None and settings.consistent_hash is not None:
        yield Violation("", "one_of", "set simple or consistentHash, not both")
    if settings.simple == "PASSTHROUGH":
        words = "the address that a caller dials is its sidecar's, so that there is none to pass on to"
        yield Violation("/simple", "unsupported", words)
    if settings.warmup is not None and settings.warmup_duration_secs is not None:
        yield Violation("/warmupDurationSecs", "conflict", "is the old spelling of warmup.duration: set one of them")
    for field, value in (("warmup", settings.warmup), ("warmupDurationSecs", settings.warmup_duration_secs)):
        if value is not None and (settings.simple in {"RANDOM", "PASSTHROUGH"} or settings.consistent_hash is not None):
            yield Violation(f"/{field}", "conflict", "works with ROUND_ROBIN and LEAST_REQUEST only")
    if settings.consistent_hash is not None:
        yield from under(("consistentHash",), _hash(settings.consistent_hash))
    if settings.locality_lb_setting is not None:
        yield from under(("localityLbSetting",), _locality(settings.locality_lb_setting))


def _hash(settings: ConsistentHash) -> Iterator[Violation]:
    keys = (settings.http_header_name, settings.http_cookie, settings.use_source_ip, settings.http_query_parameter_name)
    if sum(key is not None for key in keys) != 1:
        words = "set exactly one of httpHeaderName, httpCookie, useSourceIp and httpQueryParameterName"
        yield Violation("", "one_of", words)
    if settings.use_source_ip is False:
        yield Violation("/useSourceIp", "enum", "must be true: false leaves nothing to hash")
    sizes = (settings.ring_hash, settings.maglev, settings.minimum_ring_size)
    if sum(size is not None for size in sizes) > 1:
        yield Violation("", "one_of", "set one of ringHash, maglev and minimumRingSize")
    if settings.maglev is not None and not _is_prime(settings.maglev.table_size):
        yield Violation("/maglev/tableSize", "range", f"must be a prime number up to {MAX_TABLE}")


def _is_prime(number: int) -> bool:
    return all(number % divisor for divisor in range(2, isqrt(number) + 1))


def _locality(setting: LocalitySetting) -> Iterator[Violation]:
    if sum(map(bool, (setting.distribute, setting.failover, setting.failover_priority))) > 1:
        yield Violation("", "one_of", "set one of distribute, failover and failoverPriority")
    for index, item in enumerate(setting.distribute):
        if sum(item.to.values()) != 100:
            words = f"must add up to 100 percent, not {sum(item.to.values())}"
            yield Violation(pointer("distribute", index, "to"), "range", words)
        earlier = [other.from_ for other in setting.distribute[:index] if _overlap(other.from_, item.from_)]
        if earlier:
            yield Violation(pointer("distribute", index, "from"), "duplicate", f"overlaps with {earlier[0]}")
        yield from under(("distribute", index, "to"), _overlaps(item.to))
    yield from _failovers(setting.failover)
    yield from _repeated(setting.failover_priority)


def _overlaps(to: Mapping[str, int]) -> Iterator[Violation]:
    names = list(to)
    for index, name in enumerate(names):
        for other in names[:index]:
            if _overlap(name, other):
                yield Violation(pointer(name), "duplicate", f"overlaps with {other}")
                break


def _overlap(one: str, other: str) -> bool:
    """Whether a locality may lie in both: `us/*` and `us/a` share some, and `us` means all of `us/*`."""
    for left, right in zip(one.split("/"), other.split("/"), strict=False):
        if "*" in (left, right):
            return True
        if left != right:
            return False
    return True


def _failovers(items: Sequence[Failover]) -> Iterator[Violation]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        if item.from_ == item.to:
            yield Violation(pointer("failover", index, "to"), "conflict", f"must be another region than {item.from_}")
        if item.from_ in seen:
            yield Violation(pointer("failover", index, "from"), "duplicate", f"region {item.from_} fails over twice")
        seen.add(item.from_)


def _repeated(labels: Sequence[str]) -> Iterator[Violation]:
    keys = [label.split("=")[0] for label in labels]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            yield Violation(pointer("failoverPriority", index), "duplicate", f"label {key} is given twice")

"""How near an endpoint is to a caller, and what share it gets (Istio, "Locality Load Balancing").

A locality is "region/zone/subzone", the later parts may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from meshweb.core.caller import Caller
from meshweb.core.ir.services import Endpoint
from meshweb.core.ir.traffic_policy import LocalityBalancing, TrafficPolicy


@dataclass(frozen=True, slots=True)
class Placed:
    """priority: 0 first; the next only when too few of it are healthy. share: weight of the whole locality, None: the sum of its
    endpoints'."""

    endpoint: Endpoint
    priority: int = 0
    share: int | None = None


def placed(endpoints: Iterable[Endpoint], caller: Caller, policy: TrafficPolicy) -> tuple[Placed, ...]:
    settings = policy.balancing.locality if policy.balancing is not None else None
    if not policy.near_first:
        return tuple(Placed(endpoint) for endpoint in endpoints)
    if settings is not None and settings.distribute:
        shares = _shares(settings, caller.locality)
        if shares is not None:
            return _distributed(tuple(endpoints), shares)
        return tuple(Placed(endpoint) for endpoint in endpoints)
    if settings is not None and settings.priority:
        return _ranked((e, _unlike(e, caller, settings.priority)) for e in endpoints)
    if not caller.locality:
        return tuple(Placed(endpoint) for endpoint in endpoints)
    failover = dict(settings.failover) if settings is not None else {}
    return _ranked((e, _distance(e.locality, caller.locality, failover)) for e in endpoints)


def covers(pattern: str, locality: str) -> bool:
    """`*`, `region/*`, `region/zone/*`, or the locality itself or one that contains it."""
    wanted, parts = pattern.split("/"), locality.split("/")
    if wanted[-1] == "*":
        return parts[: len(wanted) - 1] == wanted[:-1]
    return parts[: len(wanted)] == wanted


def _shares(settings: LocalityBalancing, locality: str) -> tuple[tuple[str, int], ...] | None:
    return next((to for source, to in settings.distribute if locality and covers(source, locality)), None)


def _distributed(endpoints: tuple[Endpoint, ...], shares: tuple[tuple[str, int], ...]) -> tuple[Placed, ...]:
    """Each locality gets the share of the most exact pattern; localities under one pattern split it by their weight. Others get
    nothing."""
    patterns = sorted(shares, key=lambda pair: (pair[0].endswith("*"), -len(pair[0])))
    chosen = {e.locality: next((p for p in patterns if covers(p[0], e.locality)), None) for e in endpoints}
    weights: dict[str, int] = {}
    totals: dict[str, int] = {}
    for e in endpoints:
        pattern = chosen[e.locality]
        if pattern is not None:
            weights[e.locality] = weights.get(e.locality, 0) + e.weight
            totals[pattern[0]] = totals.get(pattern[0], 0) + e.weight
    found = []
    for e in endpoints:
        pattern = chosen[e.locality]
        if pattern is not None and pattern[1]:
            # In thousandths of a percent, so that small parts of a share are not rounded away.
            share = max(1, pattern[1] * 1000 * weights[e.locality] // totals[pattern[0]])
            found.append(Placed(e, 0, share))
    return tuple(found)


def _unlike(endpoint: Endpoint, caller: Caller, keys: tuple[str, ...]) -> int:
    """How many of the labels, from the first that differs on, are not shared (Istio, `failoverPriority`). `key=value` asks the
    endpoint for that value instead of the caller's."""
    mine, theirs = dict(caller.labels), dict(endpoint.labels)
    for index, entry in enumerate(keys):
        key, given, value = entry.partition("=")
        if theirs.get(key) != (value if given else mine.get(key)):
            return len(keys) - index
    return 0


def _distance(locality: str, origin: str, failover: dict[str, str]) -> int:
    """0 same sub-zone, 1 same zone, 2 same region, 3 another region; with a failover rule the region it names before others."""
    theirs, mine = ([*locality.split("/"), "", ""])[:3], ([*origin.split("/"), "", ""])[:3]
    for depth in (3, 2, 1):
        if theirs[:depth] == mine[:depth]:
            return 3 - depth
    wanted = failover.get(mine[0])
    return 3 if wanted is None or wanted == theirs[0] else 4


def _ranked(pairs: Iterable[tuple[Endpoint, int]]) -> tuple[Placed, ...]:
    """Priorities without gaps, as Envoy demands."""
    ranked = list(pairs)
    order = {rank: index for index, rank in enumerate(sorted({rank for _, rank in ranked}))}
    return tuple(Placed(endpoint, order[rank]) for endpoint, rank in ranked)

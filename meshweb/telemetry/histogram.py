"""Latency histograms with fixed bounds, so that reports of all proxies and times can be added up. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

BOUNDS_MS: tuple[float, ...] = (1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000)
"""Upper bounds; a last bucket takes the rest. The agents' Envoys are configured with the same (docs/guides/agent-protocol.md)."""

BUCKETS = len(BOUNDS_MS) + 1


def add(first: Sequence[int], second: Sequence[int]) -> list[int]:
    return [a + b for a, b in zip(first, second, strict=True)]


def total(histograms: Iterable[Sequence[int]]) -> list[int]:
    result = [0] * BUCKETS
    for histogram in histograms:
        result = add(result, histogram)
    return result


def quantile(histogram: Sequence[int], q: float) -> float | None:
    """Milliseconds, interpolated inside the bucket (0 <= q <= 1); None without a count. What is past the last bound is given as
    that bound: more is not known."""
    count = sum(histogram)
    if count == 0:
        return None
    rank, seen, low = q * count, 0, 0.0
    for index, amount in enumerate(histogram):
        if index >= len(BOUNDS_MS):
            break
        high = BOUNDS_MS[index]
        if amount and seen + amount >= rank:
            return round(low + (high - low) * max(rank - seen, 0.0) / amount, 2)
        seen += amount
        low = high
    return BOUNDS_MS[-1]

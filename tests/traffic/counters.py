"""Counters of shared limits that fail where a table wants it."""

from __future__ import annotations

from meshweb.xds.ports import Count, Counters, Unavailable


class Lapsing:
    """`counters`, but nobody answers for limits named `away...`."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    async def count(self, key: str, *, requests: int, seconds: int) -> Count:
        if key.split("/")[2].startswith("away"):
            raise Unavailable("the counters are away")
        return await self._counters.count(key, requests=requests, seconds=seconds)

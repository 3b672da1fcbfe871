"""Counters of rate limits in Redis or Valkey, by the `limits` library: a sliding window, and a key per counter that ends with it."""

from __future__ import annotations

import logging
import time

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError

from meshweb.xds.ports import Count, Unavailable

log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 0.4
"""Less than proxies wait for an answer."""
_QUIET_SECONDS = 10.0


class RedisCounters:
    """See `Counters`. url: `RedisUrls.counters`."""

    def __init__(self, url: str) -> None:
        storage = RedisStorage(
            url,
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix="meshweb-limits",
            socket_connect_timeout=_TIMEOUT_SECONDS,
            socket_timeout=_TIMEOUT_SECONDS,
            health_check_interval=10,
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._told = -_QUIET_SECONDS

    async def count(self, key: str, *, requests: int, seconds: int) -> Count:
        item = RateLimitItemPerSecond(requests, seconds)
        try:
            admitted = await self._limiter.hit(item, key)
            left = await self._limiter.get_window_stats(item, key)
        except StorageError as error:
            self._tell(error)
            raise Unavailable("the counters of rate limits cannot be reached") from error
        return Count(admitted, left.remaining, max(0.0, left.reset_time - time.time()))

    def _tell(self, error: StorageError) -> None:
        """Once in a while: this may fail for each request of a busy mesh."""
        now = time.monotonic()
        if now - self._told >= _QUIET_SECONDS:
            self._told = now
            log.error("rate limits that all proxies share are not counted: %s", error.storage_error)

"""Blocking database work for an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import redis
from django.db import DatabaseError, DataError, IntegrityError, ProgrammingError, close_old_connections

from meshweb.xds.ports import Unavailable

P = ParamSpec("P")
T = TypeVar("T")

AWAY = (DatabaseError, redis.RedisError, OSError)
"""What the surroundings raise when they cannot answer."""
WRONG = (DataError, IntegrityError, ProgrammingError)
"""Database errors that the same call meets again however often it is tried."""


class Threads:
    """A few threads, each with its own database connection, given back after each call."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Raises Unavailable when the database is away, and whatever else `call` raises."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: _clean(call, *args, **kwargs))
        except WRONG:
            raise
        except AWAY as error:
            raise Unavailable("the database is not available, try again") from error

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _clean(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    close_old_connections()
    try:
        return call(*args, **kwargs)
    finally:
        close_old_connections()

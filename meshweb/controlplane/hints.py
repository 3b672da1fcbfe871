"""Hints over Redis: that something changed, never what. Lost, doubled or late hints cost time, not truth: every listener also polls.

Two audiences: processes of the control plane (plain pub/sub channels) and browsers (Channels group `browsers`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction

log = logging.getLogger(__name__)

CONFIG_CHANNEL = "meshweb:config"
"""Snapshots were published."""
STATUS_CHANNEL = "meshweb:status"
"""Something was observed (a proxy, a revision, a job)."""
BROWSERS = "browsers"

_local = threading.local()


def client() -> redis.Redis:
    """One client per thread and process."""
    found: tuple[int, redis.Redis] | None = getattr(_local, "client", None)
    if found is None or found[0] != os.getpid():
        made = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2)
        found = _local.client = (os.getpid(), made)
    return found[1]


def publish(channel: str, text: str) -> None:
    """To processes. Redis being away is logged and otherwise harmless."""
    try:
        client().publish(channel, text)
    except (redis.RedisError, OSError) as error:
        log.warning("hint on %s not sent: %s", channel, error)


def tell_browsers(kind: str, identifier: str) -> None:
    """`kind`: revision, proxy, topology or join-token. Returns at once."""
    _Browsers.of_process().send({"type": "hint", "kind": kind, "id": identifier})


def wake(task: Any, *arguments: object) -> None:
    """Sends a Celery task now. Redis being away is logged: the sweepers find the work in the database."""
    from kombu.exceptions import OperationalError

    try:
        task.apply_async(arguments)
    except (OperationalError, redis.RedisError, OSError) as error:
        log.warning("task %s not sent: %s", task.name, error)


def wake_on_commit(task: Any, *arguments: object) -> None:
    transaction.on_commit(lambda: wake(task, *arguments))


@contextmanager
def listening(channel: str) -> Iterator[Any]:
    """A function `wait(seconds) -> bool` that returns early when a hint arrives. Without Redis it only waits (0.5 s at most)."""
    pubsub = None
    try:
        pubsub = client().pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # redis-py
        pubsub.subscribe(channel)
    except (redis.RedisError, OSError) as error:
        log.warning("cannot listen on %s: %s", channel, error)
        pubsub = None

    def wait(seconds: float) -> bool:
        if pubsub is None:
            threading.Event().wait(min(seconds, 0.5))
            return False
        try:
            return pubsub.get_message(timeout=min(seconds, 1.0)) is not None
        except (redis.RedisError, OSError):
            threading.Event().wait(min(seconds, 0.5))
            return False

    try:
        yield wait
    finally:
        if pubsub is not None:
            pubsub.close()


class _Browsers:
    """A thread with an event loop of its own, because the channel layer is asynchronous and its senders are not."""

    _instance: _Browsers | None = None
    _lock = threading.Lock()

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="browser-hints", daemon=True).start()

    @classmethod
    def of_process(cls) -> _Browsers:
        with cls._lock:
            if cls._instance is None or cls._instance._pid != os.getpid():
                cls._instance = cls()
            return cls._instance

    def send(self, message: dict[str, str]) -> None:
        asyncio.run_coroutine_threadsafe(self._send(message), self._loop)

    async def _send(self, message: dict[str, str]) -> None:
        layer = get_channel_layer()
        if layer is None:
            return
        try:
            async with asyncio.timeout(2):
                await layer.group_send(BROWSERS, message)
        except (redis.RedisError, OSError, TimeoutError) as error:
            log.warning("hint %s for browsers not sent: %s", json.dumps(message), error)

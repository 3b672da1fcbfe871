"""One ADS stream on gRPC: feeds the state machine and carries out its actions."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

from meshweb.core.snapshot import Snapshot
from meshweb.xds.plan import PlanCache
from meshweb.xds.ports import ProxyIdentity, StatusSink
from meshweb.xds.stream import Acked, Action, Close, Connected, Live, Nacked, Protocol, Send, Stream

log = logging.getLogger(__name__)

LARGE_PUSH_BYTES = 64 * 1024
_numbers = itertools.count(1)
_EOF: object = getattr(grpc.aio, "EOF")  # noqa: B009 - missing in the type stubs


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """`send_timeout`: seconds until a client that does not read is cut; `recheck`: seconds between looks into the directory;
    `large_pushes`: how many responses over 64 KiB are written at the same time per event loop."""

    send_timeout: float = 30.0
    recheck: float = 30.0
    large_pushes: int = 64


class Session:
    """Runs on the event loop; `refresh` and `close` are called there too and return at once."""

    def __init__(
        self,
        proxy: ProxyIdentity,
        protocol: Protocol,
        context: Any,
        *,
        plans: PlanCache,
        snapshot: Callable[[str], Snapshot | None],
        status: StatusSink,
        admission: asyncio.Semaphore,
        limits: SessionLimits,
        clock: Callable[[], float],
    ) -> None:
        self.proxy = proxy
        self.next_check = clock() + limits.recheck * random.uniform(0.5, 1.0)
        self._context = context
        self._machine = Stream(proxy.proxy_id, protocol, plans)
        self._current_snapshot = snapshot
        self._status = status
        self._admission = admission
        self._limits = limits
        self._clock = clock
        self._name = f"{protocol.value}-{next(_numbers)}"
        self._outbox: deque[Send] = deque()
        self._wake = asyncio.Event()
        self._closed = asyncio.Event()
        self._closing: tuple[grpc.StatusCode, str] | None = None
        self._connected = False

    def refresh(self) -> None:
        """Looks at the newest snapshot."""
        self._carry_out(self._machine.on_snapshot(self._current_snapshot(self.proxy.proxy_id)))

    def close(self, code: grpc.StatusCode, reason: str) -> None:
        if self._closing is None:
            self._closing = (code, reason)
            self._closed.set()

    async def run(self) -> None:
        """Until the client leaves or the stream is closed."""
        loop = asyncio.get_running_loop()
        self.refresh()
        tasks = (loop.create_task(self._read()), loop.create_task(self._write()))
        try:
            await self._closed.wait()
        finally:
            # gRPC complains about an abort while a read is under way.
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            code, reason = self._closing or (grpc.StatusCode.OK, "the connection was lost")
            if self._connected:
                self._status.disconnected(self.proxy.proxy_id, stream=self._name, reason=reason, at=self._clock())
        if code is not grpc.StatusCode.OK:
            await self._context.abort(code, reason)

    async def _read(self) -> None:
        try:
            while (message := await self._context.read()) is not _EOF:
                self._carry_out(self._machine.on_request(message))
            self.close(grpc.StatusCode.OK, "the client left")
        except grpc.aio.UsageError:
            self.close(grpc.StatusCode.OK, "the client left")  # the call ended under the read
        except Exception:
            log.exception("stream of %s failed", self.proxy.proxy_id)
            self.close(grpc.StatusCode.INTERNAL, "internal error")

    async def _write(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._outbox:
                    item = self._outbox.popleft()
                    large = len(item.data) > LARGE_PUSH_BYTES
                    async with self._admission if large else contextlib.nullcontext():
                        await self._send(item)
        except TimeoutError:
            self.close(grpc.StatusCode.DEADLINE_EXCEEDED, "the client does not read")
        except grpc.aio.UsageError:
            self.close(grpc.StatusCode.OK, "the client left")  # the call ended under the write
        except Exception:
            log.exception("stream of %s failed", self.proxy.proxy_id)
            self.close(grpc.StatusCode.INTERNAL, "internal error")

    async def _send(self, item: Send) -> None:
        if item.type_url is not None:
            self._status.sent(
                self.proxy.proxy_id,
                type_url=item.type_url,
                version=item.version,
                revision=item.revision,
                at=self._clock(),
            )
        async with asyncio.timeout(self._limits.send_timeout):
            await self._context.write(item.data)

    def _carry_out(self, actions: list[Action]) -> None:
        proxy_id, now = self.proxy.proxy_id, self._clock()
        for action in actions:
            match action:
                case Send():
                    self._outbox.append(action)
                    self._wake.set()
                case Acked(type_url, version, revision):
                    self._status.acked(proxy_id, type_url=type_url, version=version, revision=revision, at=now)
                case Nacked(type_url, version, revision, detail):
                    self._status.nacked(proxy_id, type_url=type_url, version=version, revision=revision, detail=detail, at=now)
                case Live(revision):
                    self._status.live(proxy_id, revision=revision, at=now)
                case Connected(agent_version, envoy_version):
                    self._connected = True
                    self._status.connected(
                        self.proxy,
                        stream=self._name,
                        agent_version=agent_version,
                        envoy_version=envoy_version,
                        at=now,
                    )
                case Close(code, detail):
                    self.close(grpc.StatusCode[code.value], detail)

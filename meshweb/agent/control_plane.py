"""The agent's connection to the control plane: gRPC with mTLS, and a new channel for each new certificate."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from meshweb.agent.state import Credentials

log = logging.getLogger(__name__)

SERVER_NAME = "control-plane.meshweb"
_ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
_AGENT = "/meshweb.agent.v1.Agent/"
_RATE_LIMIT = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"
_CONNECT_SECONDS = 10.0
_OLD_CHANNEL_SECONDS = 30.0
_COUNT_SECONDS = 0.45  # less than Envoy waits for the answer
_AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
_DENIED = (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)
_OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.ssl_target_name_override", SERVER_NAME),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # Another certificate must mean another connection, also to the same address.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 30_000),
    ("grpc.max_receive_message_length", -1),
]


class Away(Exception):
    """The control plane cannot be reached or cannot answer now."""


class Denied(Exception):
    """The control plane does not accept this certificate any more."""


class Rejected(Exception):
    """The control plane refuses this call; trying the same again is of no use."""


class ControlPlane:
    """`credentials()` are the current ones; call `renewed()` after they changed."""

    def __init__(self, target: str, credentials: Callable[[], Credentials]) -> None:
        self._target = target
        self._credentials = credentials
        self._channel: grpc.aio.Channel | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self.renewals = 0
        self._renewed = asyncio.Condition()

    async def connect(self) -> None:
        """A ready connection, a new one if need be. Raises Away."""
        if self._channel is not None and self._channel.get_state() is grpc.ChannelConnectivity.READY:
            return
        await self._close()
        channel = self._open()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                state = channel.get_state(try_to_connect=True)
                while state is not grpc.ChannelConnectivity.READY:
                    if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
                        raise Away(f"cannot connect to {self._target}")
                    await channel.wait_for_state_change(state)
                    state = channel.get_state(try_to_connect=True)
        except TimeoutError:
            raise Away(f"cannot connect to {self._target} within {_CONNECT_SECONDS:.0f} s") from None
        except grpc.aio.UsageError:
            raise Away("the connection was replaced") from None

    @property
    def ready(self) -> bool:
        return self._channel is not None and self._channel.get_state() is grpc.ChannelConnectivity.READY

    def stream(self) -> Any:
        """A new delta ADS stream (bytes both ways) on the current connection."""
        return self._open().stream_stream(_ADS)()  # type: ignore[call-arg]  # the stubs want serializers; bytes need none

    async def call(self, name: str, payload: object, timeout: float = 10.0) -> dict[str, Any]:
        """`/meshweb.agent.v1.Agent/<name>`. Raises Away, Denied or Rejected."""
        answer = await self._unary(_AGENT + name, json.dumps(payload, separators=(",", ":")).encode(), timeout)
        try:
            parsed = json.loads(answer)
        except ValueError:
            raise Rejected(f"{name}: the answer is not JSON") from None
        if not isinstance(parsed, dict):
            raise Rejected(f"{name}: the answer is not an object")
        return parsed

    async def count(self, request: bytes) -> bytes:
        """Envoy's RateLimitRequest, answered with a RateLimitResponse. Raises Away, Denied or Rejected."""
        return await self._unary(_RATE_LIMIT, request, _COUNT_SECONDS)

    async def _unary(self, method: str, request: bytes, timeout: float) -> bytes:
        try:
            answer: bytes = await self._open().unary_unary(method)(request, timeout=timeout)  # type: ignore[call-arg]  # as above
        except grpc.aio.AioRpcError as error:
            raise failure(error.code(), error.details()) from None
        except (asyncio.InvalidStateError, grpc.aio.UsageError):
            raise Away("the connection was replaced") from None
        except asyncio.CancelledError:
            if self_cancelled():
                raise
            raise Away("the connection was replaced") from None
        return answer

    async def renewed_since(self, renewals: int) -> None:
        """Returns once there were more than `renewals` renewals."""
        async with self._renewed:
            await self._renewed.wait_for(lambda: self.renewals > renewals)

    async def renewed(self) -> None:
        """New credentials: the next stream and call use a new connection; what runs on the old one may finish."""
        self.renewals += 1
        old, self._channel = self._channel, None
        async with self._renewed:
            self._renewed.notify_all()
        if old is not None:
            task = asyncio.get_running_loop().create_task(old.close(_OLD_CHANNEL_SECONDS))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        for task in tuple(self._closing):
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._close()

    async def _close(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close(None)

    def _open(self) -> grpc.aio.Channel:
        if self._channel is None:
            current = self._credentials()
            secured = grpc.ssl_channel_credentials(
                root_certificates=current.roots.encode(),
                private_key=current.key.reveal(),
                certificate_chain=current.chain.encode(),
            )
            self._channel = grpc.aio.secure_channel(self._target, secured, options=_OPTIONS)
        return self._channel


def self_cancelled() -> bool:
    """Whether a CancelledError is meant for the running task. gRPC raises one too when a call's channel is closed under it; taken
    for the task's own, it would end the agent, and its Envoy with it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def failure(code: grpc.StatusCode, details: str | None) -> Away | Denied | Rejected:
    """What a gRPC status means to an agent."""
    text = f"{code.name}: {details}"[:500]
    if code in _AWAY:
        return Away(text)
    if code in _DENIED:
        return Denied(text)
    return Rejected(text)

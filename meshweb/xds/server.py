"""The gRPC server for agents and proxies: mTLS only, generic handlers, bytes in and bytes out."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from meshweb.identity.sealing import SecretBytes
from meshweb.xds.agent_calls import AGENT_SERVICE, AgentCalls
from meshweb.xds.peer import Peers
from meshweb.xds.plan import DEFAULT_CACHE_BYTES, PlanCache
from meshweb.xds.ports import AgentApi, Counters, ProxyDirectory, SnapshotSource, StatusSink
from meshweb.xds.rate_limits import RATE_LIMIT_SERVICE, RateLimitCalls
from meshweb.xds.session import Session, SessionLimits
from meshweb.xds.stream import Protocol

log = logging.getLogger(__name__)

_ADS = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_WATCH_SECONDS = 1.0
_PARALLEL_CHECKS = 16


@dataclass(frozen=True, slots=True)
class ServerCredentials:
    """What the server presents and whom it trusts. PEM; `chain` is leaf + intermediate."""

    private_key: SecretBytes
    chain: bytes
    client_roots: bytes


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Limits; times in seconds."""

    max_connection_age: float = 1800.0  # gRPC adds 10 % of jitter by itself
    max_connection_age_grace: float = 30.0
    max_message_bytes: int = 4 * 1024 * 1024
    max_metadata_bytes: int = 16 * 1024
    keepalive: float = 30.0
    keepalive_timeout: float = 10.0
    cache_bytes: int = DEFAULT_CACHE_BYTES
    limits: SessionLimits = field(default_factory=SessionLimits)

    def channel_arguments(self) -> list[tuple[str, int]]:
        return [
            # The defaults end streams at random from 1000 pending ones on: a reconnecting fleet is exactly that.
            ("grpc.server.max_pending_requests", 100_000),
            ("grpc.server.max_pending_requests_hard_limit", 100_000),
            ("grpc.keepalive_time_ms", int(self.keepalive * 1000)),
            ("grpc.keepalive_timeout_ms", int(self.keepalive_timeout * 1000)),
            ("grpc.keepalive_permit_without_calls", 1),
            # Otherwise Envoy's and the agents' pings are answered with GOAWAY too_many_pings.
            ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
            ("grpc.http2.max_ping_strikes", 0),
            ("grpc.max_connection_age_ms", int(self.max_connection_age * 1000)),
            ("grpc.max_connection_age_grace_ms", int(self.max_connection_age_grace * 1000)),
            ("grpc.max_receive_message_length", self.max_message_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_metadata_size", self.max_metadata_bytes),
            ("grpc.absolute_max_metadata_size", self.max_metadata_bytes),
            ("grpc.so_reuseport", 1),
        ]


class XdsServer:
    """Serves delta and state-of-the-world ADS, and the unary calls of agents.

    `credentials()` is called at each TLS handshake on a thread of gRPC: it must be quick and thread-safe, and returns the
    same object while nothing changed. Everything else runs on the event loop that called `start`.
    """

    def __init__(
        self,
        *,
        directory: ProxyDirectory,
        source: SnapshotSource,
        status: StatusSink,
        agents: AgentApi,
        counters: Counters,
        credentials: Callable[[], ServerCredentials],
        options: ServerOptions | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._options = options or ServerOptions()
        self._peers = Peers(directory)
        self._source = source
        self._status = status
        self._calls = AgentCalls(self._peers, agents)
        self._rate_limits = RateLimitCalls(self._peers, source, counters)
        self._credentials = credentials
        self._presented = credentials()
        self._clock = clock
        self._plans = PlanCache(self._options.cache_bytes)
        self._admission = asyncio.Semaphore(self._options.limits.large_pushes)
        self._checks = asyncio.Semaphore(_PARALLEL_CHECKS)
        self._sessions: dict[str, set[Session]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: grpc.aio.Server | None = None

    async def start(self, address: str) -> int:
        """Listens on `host:port` (port 0: any) and returns the port. Raises OSError when it cannot bind."""
        server = grpc.aio.server(options=self._options.channel_arguments())
        server.add_generic_rpc_handlers(self._handlers())
        credentials = grpc.dynamic_ssl_server_credentials(
            _certificate_configuration(self._presented), self._fetch_credentials, require_client_authentication=True
        )
        try:
            port = server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}: {error}") from error
        if port == 0:
            raise OSError(f"cannot listen on {address}")
        await server.start()
        self._server = server
        self._source.subscribe(self._on_change)
        self._spawn(self._watch())
        return port

    async def stop(self, grace: float = 1.0) -> None:
        """Ends all streams; clients reconnect elsewhere."""
        for task in tuple(self._tasks):
            task.cancel()
        for session in self._all_sessions():
            session.close(grpc.StatusCode.UNAVAILABLE, "the server stops")
        if self._server is not None:
            await self._server.stop(grace)
            self._server = None

    @property
    def streams(self) -> int:
        """How many ADS streams are open."""
        return sum(len(sessions) for sessions in self._sessions.values())

    def disconnect(self, proxy_id: str, reason: str) -> None:
        """Ends the streams of a proxy at once (revoked, banned). On the event loop."""
        for session in tuple(self._sessions.get(proxy_id, ())):
            session.close(grpc.StatusCode.PERMISSION_DENIED, reason)

    # -- gRPC ----------------------------------------------------------------------------------------------------------

    def _handlers(self) -> tuple[Any, ...]:
        streams = {
            "DeltaAggregatedResources": grpc.stream_stream_rpc_method_handler(self._delta),
            "StreamAggregatedResources": grpc.stream_stream_rpc_method_handler(self._sotw),
        }
        calls = {name: grpc.unary_unary_rpc_method_handler(call) for name, call in self._calls.handlers().items()}
        return (
            grpc.method_handlers_generic_handler(_ADS, streams),
            grpc.method_handlers_generic_handler(AGENT_SERVICE, calls),
            grpc.method_handlers_generic_handler(
                RATE_LIMIT_SERVICE,
                {"ShouldRateLimit": grpc.unary_unary_rpc_method_handler(self._rate_limits.should_rate_limit)},
            ),
        )

    def _fetch_credentials(self) -> Any:
        current = self._credentials()
        if current is self._presented:
            return None
        self._presented = current
        return _certificate_configuration(current)

    async def _delta(self, _: object, context: Any) -> None:
        await self._serve(context, Protocol.DELTA)

    async def _sotw(self, _: object, context: Any) -> None:
        await self._serve(context, Protocol.STATE_OF_THE_WORLD)

    async def _serve(self, context: Any, protocol: Protocol) -> None:
        proxy = await self._peers.identify(context)
        session = Session(
            proxy,
            protocol,
            context,
            plans=self._plans,
            snapshot=self._source.snapshot,
            status=self._status,
            admission=self._admission,
            limits=self._options.limits,
            clock=self._clock,
        )
        self._sessions.setdefault(proxy.proxy_id, set()).add(session)
        try:
            await session.run()
        finally:
            sessions = self._sessions[proxy.proxy_id]
            sessions.discard(session)
            if not sessions:
                del self._sessions[proxy.proxy_id]

    # -- what happens meanwhile ----------------------------------------------------------------------------------------

    def _all_sessions(self) -> list[Session]:
        return [session for sessions in self._sessions.values() for session in sessions]

    def _on_change(self, proxy_ids: frozenset[str] | None) -> None:
        if proxy_ids is None:
            changed = self._all_sessions()
        else:
            changed = [session for proxy_id in proxy_ids for session in self._sessions.get(proxy_id, ())]
        for session in changed:
            session.refresh()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self) -> None:
        """Certificates end, and directories change their mind, while streams live on."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            now = self._clock()
            for session in self._all_sessions():
                if now >= session.proxy.not_after:
                    session.close(grpc.StatusCode.UNAUTHENTICATED, "the client certificate has ended")
                elif now >= session.next_check:
                    interval = self._options.limits.recheck
                    session.next_check = now + interval * random.uniform(0.9, 1.0)
                    self._spawn(self._recheck(session))

    async def _recheck(self, session: Session) -> None:
        async with self._checks:
            refused = await self._peers.still_refused(session.proxy)
        if refused is not None:
            session.close(grpc.StatusCode.PERMISSION_DENIED, refused)


def _certificate_configuration(credentials: ServerCredentials) -> Any:
    return grpc.ssl_server_certificate_configuration(
        [(credentials.private_key.reveal(), credentials.chain)], root_certificates=credentials.client_roots
    )

"""The agent's gRPC server on a Unix socket: xDS for Envoy, and the receiver of what Envoy reports."""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from meshweb.agent.control_plane import Away, Denied, Rejected
from meshweb.agent.telemetry import Telemetry
from meshweb.protos import message

log = logging.getLogger(__name__)

_EOF: object = getattr(grpc.aio, "EOF")  # noqa: B009 - missing in the type stubs
_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.max_send_message_length", -1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.max_ping_strikes", 0),
]


class LocalServer:
    """`serve_envoy(context)` runs one delta ADS stream; `count(request)` answers a RateLimitRequest, or raises Away, Denied or
    Rejected."""

    def __init__(
        self,
        path: Path,
        serve_envoy: Callable[[Any], Awaitable[None]],
        count: Callable[[bytes], Awaitable[bytes]],
        telemetry: Telemetry,
    ) -> None:
        self._path = path
        self._serve_envoy = serve_envoy
        self._count = count
        self._telemetry = telemetry
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Raises OSError."""
        self._path.unlink(missing_ok=True)  # left by a killed agent; the lock says that it is gone
        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers(self._handlers())
        before = os.umask(0o177)
        try:
            if server.add_insecure_port(f"unix:{self._path}") == 0:
                raise OSError(f"cannot listen on {self._path}")
        except RuntimeError as error:
            raise OSError(f"cannot listen on {self._path}: {error}") from error
        finally:
            os.umask(before)
        Path(self._path).chmod(0o600)
        await server.start()
        self._server = server

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(0)
            self._server = None

    def _handlers(self) -> tuple[Any, ...]:
        return (
            grpc.method_handlers_generic_handler(
                "envoy.service.discovery.v3.AggregatedDiscoveryService",
                {"DeltaAggregatedResources": grpc.stream_stream_rpc_method_handler(self._ads)},
            ),
            grpc.method_handlers_generic_handler(
                "opentelemetry.proto.collector.metrics.v1.MetricsService",
                {"Export": grpc.unary_unary_rpc_method_handler(self._metrics)},
            ),
            grpc.method_handlers_generic_handler(
                "envoy.service.accesslog.v3.AccessLogService",
                {"StreamAccessLogs": grpc.stream_unary_rpc_method_handler(self._access_logs)},
            ),
            grpc.method_handlers_generic_handler(
                "envoy.service.ratelimit.v3.RateLimitService",
                {"ShouldRateLimit": grpc.unary_unary_rpc_method_handler(self._rate_limit)},
            ),
        )

    async def _ads(self, _: object, context: Any) -> None:
        await self._serve_envoy(context)

    async def _metrics(self, data: bytes, context: Any) -> bytes:
        try:
            parsed = message("opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest").FromString(data)
        except DecodeError:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not an ExportMetricsServiceRequest")
            raise
        self._telemetry.metrics(parsed)
        return b""

    async def _rate_limit(self, request: bytes, context: Any) -> bytes:
        try:
            answer = await self._count(request)
        except (Away, Denied, Rejected) as error:
            self._telemetry.rate_limit(request, None)
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            raise
        self._telemetry.rate_limit(request, answer)
        return answer

    async def _access_logs(self, _: object, context: Any) -> bytes:
        while (data := await context.read()) is not _EOF:
            try:
                parsed = message("envoy.service.accesslog.v3.StreamAccessLogsMessage").FromString(data)
            except DecodeError:
                log.exception("Envoy sent something that is not an access log")
                return b""
            self._telemetry.access_log(parsed)
        return b""

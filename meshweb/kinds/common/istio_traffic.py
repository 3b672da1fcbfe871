"""Connection pools, as DestinationRule and Sidecar write them (Istio reference, "ConnectionPoolSettings")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from meshweb.core.errors import Violation, under
from meshweb.kinds.base import SpecModel
from meshweb.kinds.common.istio import IstioDuration, NonNegative, PositiveDuration, Unsigned, istio_milliseconds

_HOUR = 3_600_000


class TcpKeepalive(SpecModel):
    """What is left out is as the machine's kernel has it."""

    probes: Unsigned | None = None
    time: PositiveDuration | None = None
    interval: PositiveDuration | None = None


class TcpPool(SpecModel):
    """idleTimeout 0s: never."""

    max_connections: NonNegative | None = None
    connect_timeout: PositiveDuration | None = None
    tcp_keepalive: TcpKeepalive | None = None
    max_connection_duration: PositiveDuration | None = None
    idle_timeout: IstioDuration | None = None


class Http2KeepAlive(SpecModel):
    """A PING every `interval`; the connection is closed when none is answered within `timeout`."""

    interval: PositiveDuration | None = None
    timeout: PositiveDuration | None = None


class HttpPool(SpecModel):
    """A maximum that is left out or 0 is no limit."""

    http1_max_pending_requests: NonNegative | None = Field(default=None, alias="http1MaxPendingRequests")
    http2_max_requests: NonNegative | None = Field(default=None, alias="http2MaxRequests")
    max_requests_per_connection: Annotated[int, Field(ge=0, le=2**29)] | None = None
    max_retries: NonNegative | None = None
    idle_timeout: IstioDuration | None = None
    h2_upgrade_policy: Literal["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"] = Field(default="DEFAULT", alias="h2UpgradePolicy")
    use_client_protocol: bool | None = None
    max_concurrent_streams: NonNegative | None = None
    http2_keep_alive: Http2KeepAlive | None = Field(default=None, alias="http2KeepAlive")


class ConnectionPool(SpecModel):
    tcp: TcpPool | None = None
    http: HttpPool | None = None


def connection_pool(pool: ConnectionPool) -> Iterator[Violation]:
    """Pointers begin at the pool."""
    if pool.tcp is None and pool.http is None:
        yield Violation("", "required", "must set tcp or http")
    if pool.tcp is not None:
        yield from under(("tcp",), _tcp(pool.tcp))
    if pool.http is not None:
        yield from under(("http",), _http(pool.http))


def _tcp(pool: TcpPool) -> Iterator[Violation]:
    if not pool.model_fields_set:
        yield Violation("", "required", "must set a limit, or be left out")
    if pool.connect_timeout is not None and istio_milliseconds(pool.connect_timeout) > _HOUR:
        yield Violation("/connectTimeout", "range", "must not be longer than 1h")


def _http(pool: HttpPool) -> Iterator[Violation]:
    if not pool.model_fields_set:
        yield Violation("", "required", "must set a limit, or be left out")
    if pool.use_client_protocol and pool.h2_upgrade_policy == "UPGRADE":
        yield Violation("/useClientProtocol", "conflict", "keeps the caller's protocol, which h2UpgradePolicy UPGRADE changes")

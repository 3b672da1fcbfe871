"""What a connection pool of Istio means."""

from __future__ import annotations

from meshweb.core.ir.traffic_policy import ConnectionPool, Keepalive
from meshweb.kinds.common.istio import istio_milliseconds
from meshweb.kinds.common.istio_traffic import ConnectionPool as PoolSpec, HttpPool, TcpPool

_UPGRADES = {"UPGRADE": True, "DO_NOT_UPGRADE": False, "DEFAULT": None}


def pool_of(spec: PoolSpec | None) -> ConnectionPool | None:
    """A maximum of 0 is the same as none: Istio's documents cannot tell it from one that is left out."""
    if spec is None:
        return None
    tcp, http = spec.tcp or TcpPool(), spec.http or HttpPool()
    keepalive = tcp.tcp_keepalive
    ping = http.http2_keep_alive
    return ConnectionPool(
        max_connections=tcp.max_connections or None,
        connect_timeout=_maybe(tcp.connect_timeout),
        keepalive=None
        if keepalive is None
        else Keepalive(keepalive.probes, _seconds(keepalive.time), _seconds(keepalive.interval)),
        max_connection_duration=_maybe(tcp.max_connection_duration),
        tcp_idle_timeout=_maybe(tcp.idle_timeout),
        max_pending_requests=http.http1_max_pending_requests or None,
        max_requests=http.http2_max_requests or None,
        max_requests_per_connection=http.max_requests_per_connection or None,
        max_retries=http.max_retries or None,
        http_idle_timeout=_maybe(http.idle_timeout),
        upgrade_h2=_UPGRADES[http.h2_upgrade_policy],
        use_client_protocol=bool(http.use_client_protocol),
        max_concurrent_streams=http.max_concurrent_streams,
        ping_interval=_maybe(ping.interval) if ping is not None else None,
        ping_timeout=_maybe(ping.timeout) if ping is not None else None,
    )


def _maybe(text: str | None) -> int | None:
    return None if text is None else istio_milliseconds(text)


def _seconds(text: str | None) -> int | None:
    """Whole seconds, which is all a socket option knows; at least one."""
    return None if text is None else max(1, istio_milliseconds(text) // 1000)

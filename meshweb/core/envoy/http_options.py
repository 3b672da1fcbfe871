"""HttpProtocolOptions of clusters: which HTTP is spoken, and for how long a connection may live."""

from __future__ import annotations

from typing import Any

from meshweb.core.envoy.values import Json, any_of, duration
from meshweb.core.ir.services import Protocol
from meshweb.core.ir.traffic_policy import ConnectionPool, TrafficPolicy

_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_IDLE_MS = 3_600_000
_PING_MS = 10_000


def mesh_http_options(protocol: Protocol, policy: TrafficPolicy, *, some_plain: bool = False) -> Any:
    """Between sidecars: HTTP/2 by ALPN, whatever the application speaks; HTTP/1.1 when h2UpgradePolicy says DO_NOT_UPGRADE; as the
    caller where nobody knows what the application speaks. some_plain: there are endpoints without TLS, and so without ALPN:
    what is spoken is then what the application speaks."""
    pool = policy.pool or ConnectionPool()
    if _follows_caller(protocol, pool):
        version: Json = {"use_downstream_protocol_config": _versions(pool)}
    elif some_plain and protocol.speaks_http2:
        version = {"explicit_http_config": _http2(pool)}
    elif some_plain or _stays_http1(protocol, pool):
        version = {"explicit_http_config": {"http_protocol_options": {}}}
    else:
        version = {"auto_config": _versions(pool)}
    return any_of(_OPTIONS, **version, common_http_protocol_options=_common(pool), **_errors(policy))


def _follows_caller(protocol: Protocol, pool: ConnectionPool) -> bool:
    return pool.use_client_protocol or (protocol is Protocol.AUTO and pool.upgrade_h2 is None)


def _stays_http1(protocol: Protocol, pool: ConnectionPool) -> bool:
    """h2UpgradePolicy is about HTTP/1.1: a port that is declared HTTP/2 or gRPC stays what it is (Istio)."""
    return pool.upgrade_h2 is False and not protocol.speaks_http2


def negotiates(protocol: Protocol, pool: ConnectionPool) -> bool:
    """Whether sidecars agree by ALPN on the HTTP between them."""
    return not _follows_caller(protocol, pool) and not _stays_http1(protocol, pool)


def external_http_options(protocol: Protocol, policy: TrafficPolicy, *, encrypted: bool, naming: Json) -> Any:
    """To servers that are no sidecars: what the port's protocol says; with TLS, ALPN decides where it may be HTTP/2. naming:
    UpstreamHttpProtocolOptions."""
    pool = policy.pool or ConnectionPool()
    if pool.use_client_protocol or protocol is Protocol.AUTO:
        version: Json = {"use_downstream_protocol_config": _versions(pool)}
    elif protocol.speaks_http2 or pool.upgrade_h2:
        version = (
            {"auto_config": _versions(pool)}
            if encrypted and not protocol.speaks_http2
            else {"explicit_http_config": _http2(pool)}
        )
    else:
        version = {"explicit_http_config": {"http_protocol_options": {}}}
    more = {**_errors(policy), **({"upstream_http_protocol_options": naming} if naming else {})}
    return any_of(_OPTIONS, **version, common_http_protocol_options=_common(pool), **more)


def _errors(policy: TrafficPolicy) -> Json:
    """Statuses that outlier detection takes for errors, instead of all 5xx."""
    if policy.outlier is None or not policy.outlier.codes:
        return {}
    pattern = "|".join(map(str, policy.outlier.codes))
    status = {"name": ":status", "string_match": {"safe_regex": {"regex": pattern}}}
    return {"outlier_detection": {"error_matcher": {"http_response_headers_match": {"headers": [status]}}}}


def app_http_options(protocol: Protocol, pool: ConnectionPool) -> Any:
    """To the sidecar's own application. Where the protocol is not known, as the caller speaks."""
    if protocol is Protocol.AUTO:
        version: Json = {"use_downstream_protocol_config": _versions(pool)}
    else:
        version = {"explicit_http_config": _http2(pool) if protocol.speaks_http2 else {"http_protocol_options": {}}}
    return any_of(_OPTIONS, **version, common_http_protocol_options=_common(pool))


def _versions(pool: ConnectionPool) -> Json:
    return {"http_protocol_options": {}, **_http2(pool)}


def _http2(pool: ConnectionPool) -> Json:
    options: Json = {}
    if pool.max_concurrent_streams:
        options["max_concurrent_streams"] = {"value": pool.max_concurrent_streams}
    if pool.ping_interval or pool.ping_timeout:
        options["connection_keepalive"] = {
            "interval": duration(pool.ping_interval or _PING_MS),
            "timeout": duration(pool.ping_timeout or _PING_MS),
        }
    return {"http2_protocol_options": options}


def _common(pool: ConnectionPool) -> Json:
    idle = pool.http_idle_timeout
    found: Json = {"idle_timeout": duration(_IDLE_MS if idle is None else idle)}
    if pool.max_requests_per_connection:
        found["max_requests_per_connection"] = {"value": pool.max_requests_per_connection}
    if pool.max_connection_duration:
        found["max_connection_duration"] = duration(pool.max_connection_duration)
    return found

"""Active health checks of a cluster. Every proxy that may call an endpoint asks it by itself, over the connections it would call on."""

from __future__ import annotations

from typing import Any

from meshweb.core.envoy.values import Json, duration
from meshweb.core.ir.health_checks import GrpcCheck, HealthCheck, HttpCheck, TcpCheck

_HTTP1, _HTTP2 = 0, 1  # type.v3.CodecClientType
_METHODS = {"GET": 1, "HEAD": 2, "POST": 3, "OPTIONS": 7}
_JITTER_PERCENT = 10
"""A push reaches all callers at once; without it they would go on asking at once."""


def health_check(spec: HealthCheck, *, host: str, http2: bool, alpn: tuple[str, ...]) -> Json:
    """core.v3.HealthCheck. http2: what the check speaks, if it is HTTP; alpn: what it offers where the connection is TLS."""
    found: Json = {
        "interval": duration(spec.interval),
        "timeout": duration(spec.timeout),
        # Envoy tells a cluster without calls by a statistic that the agents' list leaves out, so that it would take every cluster
        # for one: with this, checks are as frequent as written, whoever calls.
        "no_traffic_interval": duration(spec.interval),
        "interval_jitter_percent": _JITTER_PERCENT,
        "unhealthy_threshold": {"value": spec.unhealthy},
        "healthy_threshold": {"value": spec.healthy},
        **_kind(spec, host, http2=http2),
    }
    if alpn and not isinstance(spec.check, TcpCheck):
        found["tls_options"] = {"alpn_protocols": list(alpn)}
    return found


def _kind(spec: HealthCheck, host: str, *, http2: bool) -> Json:
    check = spec.check
    if isinstance(check, GrpcCheck):
        return {"grpc_health_check": {"service_name": check.service, "authority": host}}
    if isinstance(check, TcpCheck):
        # In hexadecimal: Envoy (1.40) sends nothing where the bytes are given as `binary`.
        receive = [{"text": check.receive.hex()}] if check.receive else []
        sent = {"send": {"text": check.send.hex()}} if check.send else {}
        # Each check is a conversation of its own: who answers once per connection would fail from the second on.
        return {"reuse_connection": {"value": False}, "tcp_health_check": {**sent, "receive": receive}}
    return {"http_health_check": _http(check, host, http2=http2)}


def _http(check: HttpCheck, host: str, *, http2: bool) -> Json:
    found: Json = {
        "host": check.host or host,
        "path": check.path,
        "method": _METHODS[check.method],
        "expected_statuses": [_range(status, status + 1) for status in check.statuses],
        # Of a status that is neither expected nor listed here, one would be enough: unhealthyThreshold would mean nothing.
        "retriable_statuses": [_range(100, 600)],
        "codec_client_type": _HTTP2 if http2 else _HTTP1,
    }
    if check.headers:
        found["request_headers_to_add"] = [
            {"header": {"key": name, "value": value}, "append_action": 2} for name, value in check.headers
        ]
    return found


def _range(start: int, end: int) -> Any:
    return {"start": start, "end": end}

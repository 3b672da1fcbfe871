"""How callers ask endpoints whether they answer (meshweb.io, HealthCheck)."""

from __future__ import annotations

from dataclasses import dataclass

from meshweb.core.intent import DocumentKey
from meshweb.core.ir.traffic_policy import OutlierDetection


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """`host` empty: the service's own. statuses: those of a healthy endpoint."""

    path: str
    method: str = "GET"
    host: str = ""
    statuses: tuple[int, ...] = (200,)
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TcpCheck:
    """Empty `send`: nothing is sent, connecting is enough. `receive`: must come back somewhere in the answer."""

    send: bytes = b""
    receive: bytes = b""


@dataclass(frozen=True, slots=True)
class GrpcCheck:
    """grpc.health.v1; `service` empty: of the whole server."""

    service: str = ""


Check = HttpCheck | TcpCheck | GrpcCheck


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One document. Times in milliseconds, thresholds in results in a row. panic: percent of healthy endpoints below which all are
    called, None: not said."""

    document: DocumentKey
    check: Check
    interval: int
    timeout: int
    unhealthy: int
    healthy: int
    panic: int | None = None


def panic_threshold(check: HealthCheck | None, outlier: OutlierDetection | None) -> int:
    """The one owner of the value: a HealthCheck that says it, then `outlierDetection.minHealthPercent`, then 0: an endpoint that is
    known to be bad is not called, however many are (Envoy's default would call all from half on)."""
    if check is not None and check.panic is not None:
        return check.panic
    return outlier.min_health if outlier is not None else 0

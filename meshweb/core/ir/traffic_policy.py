"""How a caller treats a destination: balancing, limits, ejection, TLS (DestinationRule and its like).

Every class is partial: a field that is None was not said, and takes the default of the translator (Istio's).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum


class Balancer(StrEnum):
    LEAST_REQUEST = "LEAST_REQUEST"
    ROUND_ROBIN = "ROUND_ROBIN"
    RANDOM = "RANDOM"
    RING_HASH = "RING_HASH"
    MAGLEV = "MAGLEV"


@dataclass(frozen=True, slots=True)
class HashKey:
    """What equal requests have in common. Exactly one of header, cookie, query and source_ip. cookie_ttl in milliseconds, None:
    only a cookie that is there counts, 0: a session cookie is made."""

    header: str = ""
    cookie: str = ""
    cookie_path: str = ""
    cookie_ttl: int | None = None
    cookie_attributes: tuple[tuple[str, str], ...] = ()
    query: str = ""
    source_ip: bool = False


@dataclass(frozen=True, slots=True)
class Warmup:
    """Slow start: `duration` in milliseconds, `minimum` share in percent, `aggression` > 0."""

    duration: int
    minimum: float = 10.0
    aggression: float = 1.0


@dataclass(frozen=True, slots=True)
class LocalityBalancing:
    """distribute: (from, ((to, percent), …)); failover: (from region, to region); priority: labels that must agree.

    `zone_aware`: nearest first, in the shares that Envoy works out.
    """

    enabled: bool = True
    distribute: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = ()
    failover: tuple[tuple[str, str], ...] = ()
    priority: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadBalancing:
    balancer: Balancer = Balancer.LEAST_REQUEST
    hash_key: HashKey | None = None
    ring_size: int | None = None
    table_size: int | None = None
    warmup: Warmup | None = None
    locality: LocalityBalancing | None = None


@dataclass(frozen=True, slots=True)
class Keepalive:
    """Seconds; None: the system's."""

    probes: int | None = None
    time: int | None = None
    interval: int | None = None


@dataclass(frozen=True, slots=True)
class ConnectionPool:
    """Times in milliseconds. None: Istio's default (no limit; connect 10 s, idle 1 h). upgrade_h2: h2UpgradePolicy. ping: of
    HTTP/2."""

    max_connections: int | None = None
    connect_timeout: int | None = None
    keepalive: Keepalive | None = None
    max_connection_duration: int | None = None
    tcp_idle_timeout: int | None = None
    max_pending_requests: int | None = None
    max_requests: int | None = None
    max_requests_per_connection: int | None = None
    max_retries: int | None = None
    http_idle_timeout: int | None = None
    upgrade_h2: bool | None = None
    use_client_protocol: bool = False
    max_concurrent_streams: int | None = None
    ping_interval: int | None = None
    ping_timeout: int | None = None


@dataclass(frozen=True, slots=True)
class OutlierDetection:
    """Times in milliseconds. consecutive_5xx 0: off. `min_health` percent: below it nothing is ejected from balancing (panic)."""

    consecutive_5xx: int = 5
    consecutive_gateway: int | None = None
    split_local_errors: bool = False
    consecutive_local: int = 5
    interval: int = 10_000
    base_ejection: int = 30_000
    max_ejection_percent: int = 10
    min_health: int = 0
    codes: tuple[int, ...] = ()


class TlsMode(StrEnum):
    DISABLE = "DISABLE"
    SIMPLE = "SIMPLE"
    MUTUAL = "MUTUAL"
    ISTIO_MUTUAL = "ISTIO_MUTUAL"


@dataclass(frozen=True, slots=True)
class ClientTls:
    """How a caller speaks TLS. Files are on the caller's machine; `secret` is "namespace/name" of a Secret."""

    mode: TlsMode
    certificate_file: str = ""
    key_file: str = ""
    ca_file: str = ""
    crl_file: str = ""
    secret: str = ""
    names: tuple[str, ...] = ()
    sni: str = ""
    skip_verify: bool = False


@dataclass(frozen=True, slots=True)
class Tunnel:
    protocol: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class RetryBudget:
    percent: float = 20.0
    minimum: int = 3


@dataclass(frozen=True, slots=True)
class TrafficPolicy:
    """None: not said here."""

    balancing: LoadBalancing | None = None
    pool: ConnectionPool | None = None
    outlier: OutlierDetection | None = None
    tls: ClientTls | None = None
    tunnel: Tunnel | None = None
    proxy_protocol: int | None = None
    retry_budget: RetryBudget | None = None

    @property
    def near_first(self) -> bool:
        """Whether endpoints are ranked by distance: when a document says so, or when outliers are detected (Istio: the mesh's
        locality balancing is on, and takes effect with outlier detection)."""
        locality = self.balancing.locality if self.balancing is not None else None
        return locality.enabled if locality is not None else self.outlier is not None

    def over(self, lower: TrafficPolicy) -> TrafficPolicy:
        """This policy's parts, and where it says nothing those of `lower`."""
        mine = {f.name: getattr(self, f.name) for f in fields(self)}
        return TrafficPolicy(**{name: value if value is not None else getattr(lower, name) for name, value in mine.items()})


NO_POLICY = TrafficPolicy()


@dataclass(frozen=True, slots=True)
class PortedPolicy:
    """A policy and what it says for single ports instead. A port's settings inherit nothing (Istio, `portLevelSettings`)."""

    policy: TrafficPolicy = NO_POLICY
    ports: tuple[tuple[int, TrafficPolicy], ...] = ()

    def at(self, port: int, lower: TrafficPolicy = NO_POLICY) -> TrafficPolicy:
        """For one port; `lower` is what holds where this says nothing (Istio, MergeTrafficPolicy). What a port cannot say it does
        not reset."""
        own, whole = dict(self.ports).get(port), self.policy.over(lower)
        if own is None:
            return whole
        return replace(own, tunnel=whole.tunnel, proxy_protocol=whole.proxy_protocol, retry_budget=whole.retry_budget)


NO_PORTED_POLICY = PortedPolicy()


@dataclass(frozen=True, slots=True)
class Subset:
    name: str
    labels: frozenset[tuple[str, str]]
    policy: PortedPolicy = NO_PORTED_POLICY

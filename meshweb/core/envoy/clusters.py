"""Clusters: one per destination that a proxy may call, one per port of its own application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from meshweb.core import names
from meshweb.core.envoy import balancing, tls
from meshweb.core.envoy.endpoints import PLAIN, dns_assignment
from meshweb.core.envoy.health_checks import health_check
from meshweb.core.envoy.http_options import app_http_options, external_http_options, mesh_http_options, negotiates
from meshweb.core.envoy.values import ADS, Json, address, any_of, duration, serialized
from meshweb.core.ir.health_checks import HealthCheck, panic_threshold
from meshweb.core.ir.routing import Destination
from meshweb.core.ir.services import Endpoint, Protocol, Resolution
from meshweb.core.ir.traffic_policy import ClientTls, ConnectionPool, Keepalive, TlsMode, TrafficPolicy
from meshweb.core.snapshot import XdsResource
from meshweb.protos import message

_CLUSTER = "envoy.config.cluster.v3.Cluster"
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_STATIC, _STRICT_DNS, _LOGICAL_DNS, _EDS = 0, 1, 2, 3
_DNS_TYPES = {Resolution.DNS: _STRICT_DNS, Resolution.DNS_ROUND_ROBIN: _LOGICAL_DNS}
_NO_LIMIT = 2**32 - 1
RAW: Json = {
    "name": "envoy.transport_sockets.raw_buffer",
    "typed_config": any_of("envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"),
}
_PREFER_V4 = 3  # Cluster.DnsLookupFamily.V4_PREFERRED
_APP_CONNECT_MS = 10_000


@dataclass(frozen=True, slots=True)
class OutboundCluster:
    """What a caller's cluster depends on.

    identities: SPIFFE IDs that may answer, or for external destinations DNS names. endpoints: of destinations that each proxy
    resolves by itself; else empty, they come by EDS. plain_by: who says that some endpoints in the mesh want
    no mTLS; these are marked.
    """

    destination: Destination
    protocol: Protocol
    identities: tuple[str, ...]
    external: bool
    resolution: Resolution
    endpoints: tuple[Endpoint, ...]
    policy: TrafficPolicy
    connect_timeout_ms: int
    dns_suffix: str
    check: HealthCheck | None = None
    plain_by: tuple[str, ...] = ()

    @property
    def negotiates(self) -> bool:
        """Whether sidecars agree by ALPN on the HTTP between them."""
        return not self.some_plain and negotiates(self.protocol, self.policy.pool or ConnectionPool())

    @property
    def name(self) -> str:
        return names.outbound(self.destination.port, self.dns_suffix, self.destination.subset)

    @property
    def host(self) -> str:
        return names.service_host(self.destination.port.service, self.dns_suffix)

    @property
    def in_mesh(self) -> bool:
        """Whether calls go as mesh mTLS: where no policy says otherwise, to everything that is not external."""
        tls_policy = self.policy.tls
        return not self.external if tls_policy is None else tls_policy.mode is TlsMode.ISTIO_MUTUAL

    @property
    def some_plain(self) -> bool:
        """Whether some endpoints are called without mTLS, as their PeerAuthentication asks: where no DestinationRule says how (Istio)."""
        return bool(self.plain_by) and self.in_mesh and self.policy.tls is None


def outbound_cluster(spec: OutboundCluster) -> XdsResource:
    """Inside the mesh mTLS only, unless a DestinationRule asks for something else; least request (Istio's default balancer)."""
    pool = spec.policy.pool or ConnectionPool()
    dynamic = spec.resolution is Resolution.DYNAMIC_DNS
    fields: Json = {
        "name": spec.name,
        "alt_stat_name": names.outbound_stat(spec.destination.port),
        "connect_timeout": duration(pool.connect_timeout or spec.connect_timeout_ms),
        "circuit_breakers": {"thresholds": [_limits(pool, spec.policy)]},
        # Endpoint removal must not cut requests that are under way, nor keep the endpoint once it fails its probe.
        "ignore_health_on_host_removal": True,
        **_discovery(spec),
        **balancing.balancing(spec.policy, panic_threshold(spec.check, spec.policy.outlier), dynamic=dynamic),
        **_keepalive(pool.keepalive),
    }
    if spec.policy.outlier is not None:
        fields["outlier_detection"] = balancing.outlier_detection(spec.policy.outlier)
    socket = _transport_socket(spec)
    if socket is not None:
        fields["transport_socket"] = socket
    if spec.some_plain:
        plain = _with_proxy_protocol(None, spec.policy.proxy_protocol) or RAW
        # Connections that are open stay as they are when an endpoint's metadata changes, but not when the cluster does: so it has in it
        # what decides.
        name = f"plain by {', '.join(spec.plain_by)}"
        fields["transport_socket_matches"] = [{"name": name, "match": PLAIN, "transport_socket": plain}]
    if spec.check is not None:
        fields["health_checks"] = [_health_check(spec, spec.check, encrypted=socket is not None)]
    if pool.max_requests_per_connection or spec.protocol.may_be_http:
        options = (
            mesh_http_options(spec.protocol, spec.policy, some_plain=spec.some_plain)
            if spec.in_mesh
            else external_http_options(spec.protocol, spec.policy, encrypted=socket is not None, naming=_naming(spec))
        )
        fields["typed_extension_protocol_options"] = {HTTP_OPTIONS: options}
    return XdsResource.of(spec.name, serialized(message(_CLUSTER)(**fields)))


def _health_check(spec: OutboundCluster, check: HealthCheck, *, encrypted: bool) -> Json:
    """Asks in the HTTP in which calls go: between sidecars HTTP/2, unless the caller's own decides or the policy forbids it."""
    if spec.in_mesh:
        http2 = spec.negotiates or spec.protocol.speaks_http2
        alpn = tls.mesh_alpn(http=spec.protocol.may_be_http, versions=("h2",) if http2 else ())
    else:
        http2 = spec.protocol.speaks_http2
        alpn = ("h2" if http2 else "http/1.1",)
    return health_check(check, host=spec.host, http2=http2, alpn=alpn if encrypted else ())


def _discovery(spec: OutboundCluster) -> Json:
    if spec.resolution is Resolution.STATIC:
        return {"type": _EDS, "eds_cluster_config": {"eds_config": ADS, "service_name": spec.name}}
    if spec.resolution is Resolution.DYNAMIC_DNS:
        return {"cluster_type": dynamic_cluster_type()}
    return {
        "type": _DNS_TYPES[spec.resolution],
        "dns_lookup_family": _PREFER_V4,
        "respect_dns_ttl": True,
        "load_assignment": dns_assignment(spec.name, spec.endpoints),
    }


def dynamic_cluster_type() -> Json:
    """Where it has TLS, `_naming` says what the server's name is checked against; Envoy asks for those options also where it has
    none, or the policy names others, unless it is told so."""
    config = any_of(
        "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig",
        dns_cache_config=dns_cache(),
        allow_insecure_cluster_options=True,
    )
    return {"name": "envoy.clusters.dynamic_forward_proxy", "typed_config": config}


def dns_cache() -> Json:
    """DnsCacheConfig. One of that name in all places that use it, as Envoy demands."""
    return {"name": "mesh", "dns_lookup_family": _PREFER_V4, "max_hosts": {"value": 1024}}


def passthrough_cluster() -> XdsResource:
    """Where calls go that no document names, when they may: to what DNS says."""
    fields: Json = {
        "name": names.PASSTHROUGH_CLUSTER,
        "connect_timeout": duration(_APP_CONNECT_MS),
        "lb_policy": balancing.CLUSTER_PROVIDED,
        "cluster_type": dynamic_cluster_type(),
        "circuit_breakers": {"thresholds": [_limits(ConnectionPool(), TrafficPolicy())]},
    }
    return XdsResource.of(names.PASSTHROUGH_CLUSTER, serialized(message(_CLUSTER)(**fields)))


def _transport_socket(spec: OutboundCluster) -> Any:
    policy = spec.policy.tls
    if spec.in_mesh:
        own = ClientTls(TlsMode.ISTIO_MUTUAL) if policy is None else policy
        sni = own.sni or names.server_name(spec.destination.port, spec.dns_suffix, spec.destination.subset)
        http = spec.protocol.may_be_http
        socket = tls.upstream(own.names or spec.identities, sni, http=http, versions=spec.negotiates)
    elif policy is None or policy.mode is TlsMode.DISABLE:
        socket = None
    else:
        # A connection that is not HTTP names no host: no server below a wildcard has its name.
        host = spec.host if spec.resolution is not Resolution.DYNAMIC_DNS or not spec.protocol.may_be_http else ""
        socket = tls.origination(policy, host, spec.identities)
    return _with_proxy_protocol(socket, spec.policy.proxy_protocol)


def _naming(spec: OutboundCluster) -> Json:
    policy = spec.policy.tls
    if spec.resolution is not Resolution.DYNAMIC_DNS or policy is None or policy.mode is TlsMode.DISABLE:
        return {}
    return tls.by_request(policy, spec.identities)


def _with_proxy_protocol(socket: Any, version: int | None) -> Any:
    if version is None:
        return socket
    config = any_of(
        "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
        config={"version": version - 1},
        transport_socket=socket or RAW,
    )
    return {"name": "envoy.transport_sockets.upstream_proxy_protocol", "typed_config": config}


def _limits(pool: ConnectionPool, policy: TrafficPolicy) -> Json:
    """CircuitBreakers.Thresholds: without limits where none was set (Istio)."""

    def limit(value: int | None) -> Json:
        return {"value": value if value is not None else _NO_LIMIT}

    found: Json = {
        "max_connections": limit(pool.max_connections),
        "max_pending_requests": limit(pool.max_pending_requests),
        "max_requests": limit(pool.max_requests),
        "max_retries": limit(pool.max_retries),
    }
    if policy.retry_budget is not None:
        budget = policy.retry_budget
        found["retry_budget"] = {
            "budget_percent": {"value": budget.percent},
            "min_retry_concurrency": {"value": budget.minimum},
        }
    return found


def _keepalive(keepalive: Keepalive | None) -> Json:
    if keepalive is None:
        return {}
    values = {
        "keepalive_probes": keepalive.probes,
        "keepalive_time": keepalive.time,
        "keepalive_interval": keepalive.interval,
    }
    tcp = {name: {"value": value} for name, value in values.items() if value is not None}
    return {"upstream_connection_options": {"tcp_keepalive": tcp}}


@dataclass(frozen=True, slots=True)
class InboundCluster:
    """app: where the application listens. pool: limits of a Sidecar."""

    number: int
    protocol: Protocol
    app: tuple[str, int]
    pool: ConnectionPool | None


def inbound_cluster(spec: InboundCluster) -> XdsResource:
    """The application behind its own sidecar: plain, on this machine, no limits of ours."""
    number, pool = spec.number, spec.pool or ConnectionPool()
    name = names.inbound_cluster(number)
    endpoint = {"endpoint": {"address": address(*spec.app)}}
    fields: Json = {
        "name": name,
        "alt_stat_name": f"inbound~{number}",
        "type": _STATIC,
        "connect_timeout": duration(pool.connect_timeout or _APP_CONNECT_MS),
        "circuit_breakers": {"thresholds": [_limits(pool, TrafficPolicy())]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        # The agent binds what leaves for other sidecars to the VM's address; the way to the application is not one of them.
        "upstream_bind_config": {"source_address": {"address": "::" if ":" in spec.app[0] else "0.0.0.0", "port_value": 0}},
    }
    if spec.protocol.may_be_http:
        fields["typed_extension_protocol_options"] = {HTTP_OPTIONS: app_http_options(spec.protocol, pool)}
    return XdsResource.of(name, serialized(message(_CLUSTER)(**fields)))

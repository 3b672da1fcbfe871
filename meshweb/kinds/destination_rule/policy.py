"""A traffic policy of Istio as the values that clusters are made of."""

from __future__ import annotations

from meshweb.core.ir.traffic_policy import (
    Balancer,
    ClientTls,
    HashKey,
    LoadBalancing,
    LocalityBalancing,
    OutlierDetection,
    PortedPolicy,
    RetryBudget,
    TlsMode,
    TrafficPolicy,
    Tunnel,
    Warmup,
)
from meshweb.kinds.common.istio import istio_milliseconds
from meshweb.kinds.common.istio_pools import pool_of
from meshweb.kinds.destination_rule import load_balancer as lb, spec as parts

_SIMPLE = {
    None: Balancer.LEAST_REQUEST,
    "UNSPECIFIED": Balancer.LEAST_REQUEST,
    "LEAST_CONN": Balancer.LEAST_REQUEST,
    "LEAST_REQUEST": Balancer.LEAST_REQUEST,
    "ROUND_ROBIN": Balancer.ROUND_ROBIN,
    "RANDOM": Balancer.RANDOM,
}


def ported_policy(spec: parts.TrafficPolicy | None, namespace: str) -> PortedPolicy:
    """`namespace` of the document, in which its Secrets are."""
    if spec is None:
        return PortedPolicy()
    ports = tuple((item.port.number, _settings(item, namespace)) for item in spec.port_level_settings)
    whole = TrafficPolicy(
        tunnel=_tunnel(spec.tunnel),
        proxy_protocol=None if spec.proxy_protocol is None else int(spec.proxy_protocol.version[1:]),
        retry_budget=_budget(spec.retry_budget),
    )
    return PortedPolicy(_settings(spec, namespace).over(whole), ports)


def _settings(spec: parts.PortPolicy, namespace: str) -> TrafficPolicy:
    return TrafficPolicy(
        balancing=_balancing(spec.load_balancer),
        pool=pool_of(spec.connection_pool),
        outlier=_outlier(spec.outlier_detection),
        tls=_tls(spec.tls, namespace),
    )


def _balancing(spec: lb.LoadBalancer | None) -> LoadBalancing | None:
    if spec is None:
        return None
    locality = _locality(spec.locality_lb_setting)
    if spec.consistent_hash is not None:
        return _by_hash(spec.consistent_hash, locality)
    return LoadBalancing(_SIMPLE[spec.simple], warmup=_warmup(spec), locality=locality)


def _by_hash(spec: lb.ConsistentHash, locality: LocalityBalancing | None) -> LoadBalancing:
    cookie = spec.http_cookie
    key = HashKey(
        header=(spec.http_header_name or "").lower(),
        cookie=cookie.name if cookie is not None else "",
        cookie_path=(cookie.path or "") if cookie is not None else "",
        cookie_ttl=istio_milliseconds(cookie.ttl) if cookie is not None and cookie.ttl is not None else None,
        cookie_attributes=tuple((item.name, item.value) for item in cookie.attributes) if cookie is not None else (),
        query=spec.http_query_parameter_name or "",
        source_ip=bool(spec.use_source_ip),
    )
    if spec.maglev is not None:
        return LoadBalancing(Balancer.MAGLEV, key, table_size=spec.maglev.table_size, locality=locality)
    size = spec.ring_hash.minimum_ring_size if spec.ring_hash is not None else spec.minimum_ring_size
    return LoadBalancing(Balancer.RING_HASH, key, ring_size=size, locality=locality)


def _warmup(spec: lb.LoadBalancer) -> Warmup | None:
    if spec.warmup is not None:
        warmup = spec.warmup
        return Warmup(istio_milliseconds(warmup.duration), warmup.minimum_percent, warmup.aggression)
    return Warmup(istio_milliseconds(spec.warmup_duration_secs)) if spec.warmup_duration_secs is not None else None


def _locality(spec: lb.LocalitySetting | None) -> LocalityBalancing | None:
    if spec is None:
        return None
    return LocalityBalancing(
        enabled=spec.enabled is not False,
        distribute=tuple((item.from_, tuple(sorted(item.to.items()))) for item in spec.distribute),
        failover=tuple((item.from_, item.to) for item in spec.failover),
        priority=spec.failover_priority,
    )


def _outlier(spec: parts.OutlierDetection | None) -> OutlierDetection | None:
    if spec is None:
        return None
    default = OutlierDetection()
    local = spec.consecutive_local_origin_failures
    return OutlierDetection(
        consecutive_5xx=default.consecutive_5xx if spec.consecutive5xx_errors is None else spec.consecutive5xx_errors,
        consecutive_gateway=spec.consecutive_gateway_errors
        if spec.consecutive_gateway_errors is not None
        else spec.consecutive_errors,
        split_local_errors=bool(spec.split_external_local_origin_errors),
        consecutive_local=default.consecutive_local if local is None else local,
        interval=istio_milliseconds(spec.interval) if spec.interval is not None else default.interval,
        base_ejection=istio_milliseconds(spec.base_ejection_time)
        if spec.base_ejection_time is not None
        else default.base_ejection,
        max_ejection_percent=spec.max_ejection_percent or default.max_ejection_percent,
        min_health=spec.min_health_percent or 0,
        codes=tuple(sorted(spec.outlier_detection_http_error_codes)),
    )


def _tls(spec: parts.ClientTls | None, namespace: str) -> ClientTls | None:
    if spec is None:
        return None
    return ClientTls(
        mode=TlsMode(spec.mode),
        certificate_file=spec.client_certificate or "",
        key_file=spec.private_key or "",
        ca_file=spec.ca_certificates or "",
        crl_file=spec.ca_crl or "",
        secret=f"{namespace}/{spec.credential_name}" if spec.credential_name is not None else "",
        names=spec.subject_alt_names,
        sni=spec.sni or "",
        skip_verify=bool(spec.insecure_skip_verify),
    )


def _tunnel(spec: parts.Tunnel | None) -> Tunnel | None:
    return None if spec is None else Tunnel(spec.protocol, spec.target_host, spec.target_port)


def _budget(spec: parts.RetryBudget | None) -> RetryBudget | None:
    return None if spec is None else RetryBudget(spec.percent, spec.min_retry_concurrency)

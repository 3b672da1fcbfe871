"""Balancing and ejection: the parts of a cluster that DestinationRules set (Istio, "LoadBalancerSettings", "OutlierDetection")."""

from __future__ import annotations

from meshweb.core.envoy.values import Json, duration
from meshweb.core.ir.traffic_policy import Balancer, LoadBalancing, OutlierDetection, TrafficPolicy, Warmup

_LB_POLICIES = {
    Balancer.ROUND_ROBIN: 0,
    Balancer.LEAST_REQUEST: 1,
    Balancer.RING_HASH: 2,
    Balancer.RANDOM: 3,
    Balancer.MAGLEV: 5,
}
CLUSTER_PROVIDED = 6
_RING_SIZE = 1024  # Istio's default minimumRingSize
_MAX_RING_SIZE = 8 * 1024 * 1024


def balancing(policy: TrafficPolicy, panic: int, *, dynamic: bool) -> Json:
    """lb_policy and what belongs to it. panic: percent of healthy endpoints below which all are called. dynamic: each host is its own
    endpoint, there is nothing to balance."""
    common: Json = {"healthy_panic_threshold": {"value": float(panic)}}
    if dynamic:
        return {"lb_policy": CLUSTER_PROVIDED}
    settings = policy.balancing or LoadBalancing()
    if settings.locality is not None and settings.locality.distribute:
        common["locality_weighted_lb_config"] = {}
    found: Json = {"lb_policy": _LB_POLICIES[settings.balancer], "common_lb_config": common}
    if settings.balancer is Balancer.RING_HASH:
        size = settings.ring_size or _RING_SIZE
        found["ring_hash_lb_config"] = {
            "minimum_ring_size": {"value": size},
            "maximum_ring_size": {"value": max(size, _MAX_RING_SIZE)},
        }
    elif settings.balancer is Balancer.MAGLEV and settings.table_size:
        found["maglev_lb_config"] = {"table_size": {"value": settings.table_size}}
    if settings.warmup is not None:
        slow_start = {"slow_start_config": _slow_start(settings.warmup)}
        field = "round_robin_lb_config" if settings.balancer is Balancer.ROUND_ROBIN else "least_request_lb_config"
        found[field] = slow_start
    return found


def _slow_start(warmup: Warmup) -> Json:
    return {
        "slow_start_window": duration(warmup.duration),
        "aggression": {"default_value": warmup.aggression, "runtime_key": ""},
        "min_weight_percent": {"value": warmup.minimum},
    }


def outlier_detection(outlier: OutlierDetection) -> Json:
    """Envoy's OutlierDetection with Istio's meaning: what was not asked for is off."""

    def enforced(value: int | None) -> Json:
        return {"value": 100 if value else 0}

    found: Json = {
        "consecutive_5xx": {"value": outlier.consecutive_5xx or 5},
        "enforcing_consecutive_5xx": enforced(outlier.consecutive_5xx),
        "consecutive_gateway_failure": {"value": outlier.consecutive_gateway or 5},
        "enforcing_consecutive_gateway_failure": enforced(outlier.consecutive_gateway),
        "enforcing_success_rate": {"value": 0},
        "interval": duration(outlier.interval),
        "base_ejection_time": duration(outlier.base_ejection),
        "max_ejection_percent": {"value": outlier.max_ejection_percent},
    }
    if outlier.split_local_errors:
        found["split_external_local_origin_errors"] = True
        found["consecutive_local_origin_failure"] = {"value": outlier.consecutive_local or 5}
        found["enforcing_consecutive_local_origin_failure"] = enforced(outlier.consecutive_local)
        found["enforcing_local_origin_success_rate"] = {"value": 0}
    return found

"""Endpoints: who answers for a service port, and whether their probe lets them."""

from __future__ import annotations

from itertools import groupby

from meshweb.core.envoy.values import Json, address, serialized
from meshweb.core.ir import Endpoint
from meshweb.core.snapshot import XdsResource
from meshweb.protos import message

_HEALTHY, _UNHEALTHY = 1, 2


def load_assignment(cluster: str, endpoints: tuple[Endpoint, ...]) -> XdsResource:
    """ClusterLoadAssignment of `cluster`; empty when nobody answers (Envoy then says 503 at once instead of waiting)."""
    ordered = sorted(endpoints, key=lambda e: (e.locality, e.address, e.port))
    localities = [
        {
            "locality": _locality(name),
            "load_balancing_weight": {"value": sum(e.weight for e in group)},
            "lb_endpoints": [_endpoint(e) for e in group],
        }
        for name, group in ((name, list(items)) for name, items in groupby(ordered, key=lambda e: e.locality))
    ]
    fields: Json = {"cluster_name": cluster, "endpoints": localities}
    return XdsResource.of(cluster, serialized(message("envoy.config.endpoint.v3.ClusterLoadAssignment")(**fields)))


def _locality(name: str) -> Json:
    region, zone, sub_zone = ([*name.split("/"), "", "", ""])[:3]
    return {"region": region, "zone": zone, "sub_zone": sub_zone}


def _endpoint(endpoint: Endpoint) -> Json:
    return {
        "endpoint": {"address": address(endpoint.address, endpoint.port)},
        "health_status": _HEALTHY if endpoint.healthy else _UNHEALTHY,
        "load_balancing_weight": {"value": endpoint.weight},
    }

"""Endpoints: who answers for a service port, and whether their probe lets them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from meshweb.core.envoy.values import Json, address, serialized
from meshweb.core.ir.services import Endpoint
from meshweb.core.locality import Placed
from meshweb.core.snapshot import XdsResource
from meshweb.protos import message

_HEALTHY, _UNHEALTHY = 1, 2
TRANSPORT_MATCH = "envoy.transport_socket_match"
"""Metadata of an endpoint by which `Cluster.transport_socket_matches` chooses."""
PLAIN = message("google.protobuf.Struct")(fields={"tlsMode": {"string_value": "disabled"}})
"""Of endpoints that want no mTLS (Istio's words)."""


def load_assignment(cluster: str, endpoints: tuple[Placed, ...]) -> XdsResource:
    """ClusterLoadAssignment of `cluster`; empty when nobody answers (Envoy then says 503 at once instead of waiting)."""
    fields: Json = {"cluster_name": cluster, "endpoints": _localities(endpoints)}
    return XdsResource.of(cluster, serialized(message("envoy.config.endpoint.v3.ClusterLoadAssignment")(**fields)))


def dns_assignment(cluster: str, endpoints: Iterable[Endpoint]) -> Json:
    """The same inside a cluster whose addresses each proxy resolves."""
    return {"cluster_name": cluster, "endpoints": _localities(tuple(Placed(endpoint) for endpoint in endpoints))}


def _localities(endpoints: tuple[Placed, ...]) -> list[Json]:
    """By priority and locality. A locality weighs as much as its endpoints, unless a share was given to it."""
    groups: defaultdict[tuple[int, str], list[Placed]] = defaultdict(list)
    for placed in endpoints:
        groups[placed.priority, placed.endpoint.locality].append(placed)
    found = []
    for (priority, locality), group in sorted(groups.items(), key=lambda item: item[0]):
        ordered = sorted(group, key=lambda p: (p.endpoint.address, p.endpoint.port))
        weight = sum(p.endpoint.weight for p in group) if group[0].share is None else group[0].share
        entry: Json = {
            "locality": _locality(locality),
            "load_balancing_weight": {"value": weight},
            "lb_endpoints": [_endpoint(p.endpoint) for p in ordered],
        }
        if priority:
            entry["priority"] = priority
        found.append(entry)
    return found


def _locality(name: str) -> Json:
    region, zone, sub_zone = ([*name.split("/"), "", "", ""])[:3]
    return {"region": region, "zone": zone, "sub_zone": sub_zone}


def _endpoint(endpoint: Endpoint) -> Json:
    found: Json = {
        "endpoint": {"address": address(endpoint.address, endpoint.port)},
        "health_status": _HEALTHY if endpoint.healthy else _UNHEALTHY,
        "load_balancing_weight": {"value": endpoint.weight},
    }
    return {**found, "metadata": {"filter_metadata": {TRANSPORT_MATCH: PLAIN}}} if endpoint.plain else found

"""Clusters: one per service port that a proxy may call, one per port of its own application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from meshweb.core import names
from meshweb.core.envoy import tls
from meshweb.core.envoy.values import ADS, Json, address, any_of, duration, serialized
from meshweb.core.ir import Protocol
from meshweb.core.names import PortRef
from meshweb.core.snapshot import XdsResource
from meshweb.protos import message

_CLUSTER = "envoy.config.cluster.v3.Cluster"
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_EDS, _STATIC = 3, 0
_LEAST_REQUEST = 1
_NO_LIMIT = 2**32 - 1
_HTTP_IDLE_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class OutboundCluster:
    """What a caller's cluster depends on: `identities` are the SPIFFE IDs that may answer."""

    port: PortRef
    protocol: Protocol
    identities: tuple[str, ...]
    connect_timeout_ms: int
    dns_suffix: str


def outbound_cluster(spec: OutboundCluster) -> XdsResource:
    """Cluster by EDS, mTLS only (no plaintext way out), least request (Istio's default balancer)."""
    name = names.outbound(spec.port, spec.dns_suffix)
    host = names.service_host(spec.port.service, spec.dns_suffix)
    fields: Json = {
        "name": name,
        "alt_stat_name": names.outbound_stat(spec.port),
        "type": _EDS,
        "eds_cluster_config": {"eds_config": ADS, "service_name": name},
        "connect_timeout": duration(spec.connect_timeout_ms),
        "lb_policy": _LEAST_REQUEST,
        "circuit_breakers": {"thresholds": [_unlimited()]},
        # An endpoint whose probe fails gets no calls, however many of them fail; Envoy's default would call all from half on.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0.0}},
        "transport_socket": tls.upstream(spec.identities, spec.protocol, f"outbound_.{spec.port.port}_._.{host}"),
        # Endpoint removal must not cut requests that are under way, nor keep the endpoint once it fails its probe.
        "ignore_health_on_host_removal": True,
    }
    if spec.protocol.is_http:
        fields["typed_extension_protocol_options"] = {_HTTP_OPTIONS: _mesh_http_options()}
    return XdsResource.of(name, serialized(message(_CLUSTER)(**fields)))


def inbound_cluster(number: int, protocol: Protocol, app_address: str) -> XdsResource:
    """The application behind its own sidecar: plain, on this machine, no limits of ours."""
    name = names.inbound_cluster(number)
    endpoint = {"endpoint": {"address": address(app_address, number)}}
    fields: Json = {
        "name": name,
        "alt_stat_name": f"inbound~{number}",
        "type": _STATIC,
        "connect_timeout": duration(10_000),
        "circuit_breakers": {"thresholds": [_unlimited()]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        # The agent binds what leaves for other sidecars to the VM's address; the way to the application is not one of them.
        "upstream_bind_config": {"source_address": {"address": "::" if ":" in app_address else "0.0.0.0", "port_value": 0}},
    }
    if protocol.is_http:
        fields["typed_extension_protocol_options"] = {_HTTP_OPTIONS: _app_http_options(protocol)}
    return XdsResource.of(name, serialized(message(_CLUSTER)(**fields)))


def _unlimited() -> Json:
    limit = {"value": _NO_LIMIT}
    return {"max_connections": limit, "max_pending_requests": limit, "max_requests": limit, "max_retries": limit}


def _mesh_http_options() -> Any:
    """Between sidecars: HTTP/2 by ALPN, whatever the application speaks."""
    return any_of(
        _HTTP_OPTIONS,
        auto_config={"http_protocol_options": {}, "http2_protocol_options": {}},
        common_http_protocol_options={"idle_timeout": duration(_HTTP_IDLE_MS)},
    )


def _app_http_options(protocol: Protocol) -> Any:
    version = "http2_protocol_options" if protocol is Protocol.HTTP2 else "http_protocol_options"
    return any_of(
        _HTTP_OPTIONS,
        explicit_http_config={version: {}},
        common_http_protocol_options={"idle_timeout": duration(_HTTP_IDLE_MS)},
    )

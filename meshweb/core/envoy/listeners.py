"""Listeners: where a sidecar answers for its application, and where its application finds the services it calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from meshweb.core import names
from meshweb.core.envoy import filter_chain as filters, tls
from meshweb.core.envoy.rbac import rules_for
from meshweb.core.envoy.values import Json, address, any_of, serialized
from meshweb.core.ir import InboundPort, MtlsMode, Protocol
from meshweb.core.names import PortRef
from meshweb.core.snapshot import XdsResource
from meshweb.protos import message

_LISTENER = "envoy.config.listener.v3.Listener"
_INBOUND, _OUTBOUND = 1, 2  # TrafficDirection


@dataclass(frozen=True, slots=True)
class InboundListener:
    bind: str
    port: InboundPort
    trust_domain: str


@dataclass(frozen=True, slots=True)
class OutboundListener:
    """`host` and `local_port`: where the application reaches the service port."""

    host: str
    local_port: int
    port: PortRef
    protocol: Protocol
    dns_suffix: str


def inbound_listener(spec: InboundListener) -> XdsResource:
    """STRICT: one chain, TLS with a certificate of the mesh. PERMISSIVE adds TLS of the application's own and plain text."""
    port = spec.port
    cluster = names.inbound_cluster(port.number)
    if port.protocol.is_http:
        network = [filters.http_connection_manager(filters.inbound_hcm(port.number, names.inbound_listener(port.number)))]
    else:
        network = filters.tcp_filters(port.number, cluster, _tcp_rules(spec))
    mesh_tls = {"filters": network, "transport_socket": tls.downstream(port.protocol)}
    if port.mtls is MtlsMode.STRICT:
        chains = [{"name": "mtls", "filter_chain_match": {"transport_protocol": "tls"}, **mesh_tls}]
    else:
        passthrough = [
            *filters.network_rbac_filters(_tcp_rules(spec), port.number),
            filters.tcp_proxy(f"inbound_{port.number}_tls", cluster),
        ]
        chains = [
            {
                "name": "mtls",
                "filter_chain_match": {"transport_protocol": "tls", "application_protocols": [tls.MESH_ALPN]},
                **mesh_tls,
            },
            {"name": "tls", "filter_chain_match": {"transport_protocol": "tls"}, "filters": passthrough},
            {"name": "plain", "filter_chain_match": {"transport_protocol": "raw_buffer"}, "filters": network},
        ]
    name = names.inbound_listener(port.number)
    return _listener(
        name=name,
        address=address(spec.bind, port.number),
        traffic_direction=_INBOUND,
        listener_filters=[_tls_inspector()],
        filter_chains=chains,
        stat_prefix=f"inbound_{port.number}",
    )


def _tcp_rules(spec: InboundListener) -> Any:
    return rules_for(spec.port.policies, http=False, trust_domain=spec.trust_domain)


def outbound_listener(spec: OutboundListener) -> XdsResource:
    name = names.outbound(spec.port, spec.dns_suffix)
    stat = names.outbound_stat(spec.port)
    if spec.protocol.is_http:
        network = filters.http_connection_manager(filters.outbound_hcm(stat, name))
    else:
        network = filters.tcp_proxy(stat, name)
    return _listener(
        name=name,
        address=address(spec.host, spec.local_port),
        traffic_direction=_OUTBOUND,
        filter_chains=[{"filters": [network]}],
        stat_prefix=stat,
    )


def proxy_listener(bind: str) -> XdsResource:
    """Mode proxy: an HTTP forward proxy for the mesh's names on one port."""
    hcm = filters.outbound_hcm("proxy", names.PROXY_LISTENER, connect=True)
    return _listener(
        name=names.PROXY_LISTENER,
        address=address(bind, names.PROXY_PORT),
        traffic_direction=_OUTBOUND,
        filter_chains=[{"filters": [filters.http_connection_manager(hcm)]}],
        stat_prefix="proxy",
    )


def _listener(*, name: str, **fields: Any) -> XdsResource:
    limit = {"value": 32 * 1024}  # Envoy, "Configuring Envoy as an edge proxy": bounds memory per connection
    return XdsResource.of(name, serialized(message(_LISTENER)(name=name, per_connection_buffer_limit_bytes=limit, **fields)))


def _tls_inspector() -> Json:
    config = any_of("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector")
    return {"name": "envoy.filters.listener.tls_inspector", "typed_config": config}

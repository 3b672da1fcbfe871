"""Listeners: where a sidecar answers for its application, and where its application finds the services it calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from meshweb.core import names
from meshweb.core.envoy import filter_chain as filters, network_filters as network, tls
from meshweb.core.envoy.denial_header import peer_filter
from meshweb.core.envoy.rbac import rules_for
from meshweb.core.envoy.values import Json, address, any_of, duration, serialized
from meshweb.core.ir.inbound import InboundPort
from meshweb.core.ir.providers import Provider
from meshweb.core.ir.routing import ConnectionRule
from meshweb.core.ir.security import MtlsMode
from meshweb.core.ir.services import Protocol
from meshweb.core.names import PortRef
from meshweb.core.snapshot import XdsResource
from meshweb.protos import message

_LISTENER = "envoy.config.listener.v3.Listener"
_INBOUND, _OUTBOUND = 1, 2  # TrafficDirection
_PLAIN_HTTP = ["http/1.0", "http/1.1", "h2c"]
"""What the HTTP inspector finds."""


@dataclass(frozen=True, slots=True)
class InboundListener:
    """detection_timeout_ms: how long to wait for the first bytes where they decide. tells: namespace whose callers are told what denied
    them; empty: nobody is. providers: all that may be asked about requests."""

    bind: str
    port: InboundPort
    trust_domain: str
    detection_timeout_ms: int
    tells: str = ""
    providers: tuple[Provider, ...] = ()


@dataclass(frozen=True, slots=True)
class OutboundListener:
    """`host` and `local_port`: where the application reaches the service port. connections: at least one where the protocol may be
    other than HTTP. dynamic: the destination is a host below the wildcard `pattern`, or one that each proxy resolves."""

    host: str
    local_port: int
    port: PortRef
    protocol: Protocol
    connections: tuple[ConnectionRule, ...]
    dynamic: bool
    detection_timeout_ms: int
    dns_suffix: str


# --- inbound --------------------------------------------------------------------------------------------------------


def inbound_listener(spec: InboundListener) -> XdsResource:
    """STRICT: TLS with a certificate of the mesh. PERMISSIVE adds TLS of the application's own and plain text. So does DISABLE, of which
    callers are told: those that do not know yet still come with mTLS."""
    port = spec.port
    inspectors = [tls_inspector()]
    strict = port.mtls is MtlsMode.STRICT
    if port.protocol is Protocol.AUTO and not strict:
        inspectors.append(_http_inspector())
    # A server that speaks first gives the inspectors nothing to read.
    patience = _patience(spec.detection_timeout_ms) if not strict else {}
    return listener(
        name=names.inbound_listener(port.number),
        address=address(spec.bind, port.number),
        traffic_direction=_INBOUND,
        listener_filters=inspectors,
        filter_chains=_inbound_chains(spec),
        stat_prefix=f"inbound_{port.number}",
        **patience,
    )


def _inbound_chains(spec: InboundListener) -> list[Json]:
    port = spec.port
    strict, auto = port.mtls is MtlsMode.STRICT, port.protocol is Protocol.AUTO
    http = _inbound_http(spec) if port.protocol.may_be_http else []
    tcp = _inbound_tcp(spec, "") if not port.protocol.is_http else []
    usual = http if port.protocol.is_http else tcp
    mesh_protocol = Protocol.TCP if auto else port.protocol
    chains: list[Json] = []
    if auto:
        chains.append(
            {
                "name": "mtls-http",
                "filter_chain_match": {"transport_protocol": "tls", "application_protocols": [tls.MESH_HTTP_ALPN]},
                "filters": http,
                "transport_socket": tls.downstream(Protocol.HTTP),
            }
        )
    own = {} if strict else {"application_protocols": [tls.MESH_ALPN]}
    chains.append(
        {
            "name": "mtls",
            "filter_chain_match": {"transport_protocol": "tls", **own},
            "filters": usual,
            "transport_socket": tls.downstream(mesh_protocol),
        }
    )
    if strict:
        return chains
    chains.append({"name": "tls", "filter_chain_match": {"transport_protocol": "tls"}, "filters": _inbound_tcp(spec, "_tls")})
    if auto:
        plain_http = {"transport_protocol": "raw_buffer", "application_protocols": _PLAIN_HTTP}
        chains.append({"name": "plain-http", "filter_chain_match": plain_http, "filters": http})
    chains.append({"name": "plain", "filter_chain_match": {"transport_protocol": "raw_buffer"}, "filters": usual})
    return chains


def _inbound_http(spec: InboundListener) -> list[Json]:
    number, name = spec.port.number, names.inbound_listener(spec.port.number)
    peer = peer_filter(spec.tells, spec.trust_domain) if spec.tells else None
    hcm = filters.inbound_hcm(number, name, spec.port.tokens, spec.providers, peer=peer)
    return [filters.http_connection_manager(hcm)]


def _inbound_tcp(spec: InboundListener, suffix: str) -> list[Json]:
    number = spec.port.number
    rules = rules_for(spec.port.policies, http=False, trust_domain=spec.trust_domain, gateways=spec.port.gateways)
    return [
        *network.network_rbac_filters(rules, number),
        network.tcp_proxy(f"inbound_{number}{suffix}", names.inbound_cluster(number)),
    ]


# --- outbound -------------------------------------------------------------------------------------------------------


def outbound_listener(spec: OutboundListener) -> XdsResource:
    name, stat = names.outbound(spec.port, spec.dns_suffix), names.outbound_stat(spec.port)
    chains, inspectors = [], []
    if spec.protocol.may_be_http:
        hcm = filters.http_connection_manager(filters.outbound_hcm(stat, name, dynamic=spec.dynamic))
        match = {} if spec.protocol.is_http else {"filter_chain_match": {"application_protocols": _PLAIN_HTTP}}
        chains.append({"name": "http", "filters": [hcm], **match})
    if not spec.protocol.is_http:
        chains += _connection_chains(spec, stat)
        if any(rule.server_names for rule in spec.connections) or spec.dynamic:
            inspectors.append(tls_inspector())
    if spec.protocol is Protocol.AUTO:
        inspectors.append(_http_inspector())
    return listener(
        name=name,
        address=address(spec.host, spec.local_port),
        traffic_direction=_OUTBOUND,
        filter_chains=chains,
        stat_prefix=stat,
        **({"listener_filters": inspectors, **_patience(spec.detection_timeout_ms)} if inspectors else {}),
    )


def _connection_chains(spec: OutboundListener, stat: str) -> list[Json]:
    """One per rule; of rules for one server name the first holds. A connection that no rule is for is closed."""
    first = [network.alpn_override(tls.MESH_ALPN)] if spec.protocol is Protocol.AUTO else []
    if spec.dynamic:
        if spec.protocol is Protocol.AUTO or not spec.connections:
            return []
        pattern = spec.port.service.name
        first = [network.sni_dynamic_host(spec.port.port)]
        match: Json = {"server_names": [pattern]} if pattern != "*" else {"transport_protocol": "tls"}
        proxy = network.tcp_proxy_to(stat, spec.connections[0], spec.dns_suffix)
        return [{"name": "sni", "filter_chain_match": match, "filters": [*first, proxy]}]
    return connection_chains(spec.connections, stat, spec.dns_suffix, first)


def connection_chains(
    rules: tuple[ConnectionRule, ...], stat: str, dns_suffix: str, first: list[Json], *, judged: bool = False
) -> list[Json]:
    """Filter chains by server name; `first`: filters in front of each. judged: policies are among them."""
    chains: list[Json] = []
    taken: set[str] = set()
    for index, rule in enumerate(rules):
        match: Json = {}
        if rule.server_names:
            wanted = [name for name in rule.server_names if name not in taken]
            if not wanted:
                continue
            taken |= set(wanted)
            match = {"transport_protocol": "tls"} if "*" in wanted else {"server_names": wanted}
        elif "" in taken:
            continue
        else:
            taken.add("")
        chain: Json = {
            "name": f"rule-{index}",
            "filters": [*first, network.tcp_proxy_to(stat, rule, dns_suffix, judged=judged)],
        }
        chains.append({**chain, "filter_chain_match": match} if match else chain)
    return chains


def proxy_listener(bind: str, *, dynamic: bool) -> XdsResource:
    """Mode proxy: an HTTP forward proxy for the mesh's names on one port."""
    hcm = filters.outbound_hcm("proxy", names.PROXY_LISTENER, connect=True, dynamic=dynamic)
    return listener(
        name=names.PROXY_LISTENER,
        address=address(bind, names.PROXY_PORT),
        traffic_direction=_OUTBOUND,
        filter_chains=[{"filters": [filters.http_connection_manager(hcm)]}],
        stat_prefix="proxy",
    )


# --- common ---------------------------------------------------------------------------------------------------------


def listener(*, name: str, **fields: Any) -> XdsResource:
    limit = {"value": 32 * 1024}  # Envoy, "Configuring Envoy as an edge proxy": bounds memory per connection
    return XdsResource.of(name, serialized(message(_LISTENER)(name=name, per_connection_buffer_limit_bytes=limit, **fields)))


def _patience(milliseconds: int) -> Json:
    """How long the inspectors wait for bytes before the connection goes on without."""
    return {"listener_filters_timeout": duration(milliseconds), "continue_on_listener_filters_timeout": True}


def tls_inspector() -> Json:
    config = any_of("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector")
    return {"name": "envoy.filters.listener.tls_inspector", "typed_config": config}


def _http_inspector() -> Json:
    config = any_of("envoy.extensions.filters.listener.http_inspector.v3.HttpInspector")
    return {"name": "envoy.filters.listener.http_inspector", "typed_config": config}

"""Envoy configuration of a small mesh for the tests: one service `shop/api`, called from anywhere by explicit port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format

from meshweb.core.snapshot import PUSH_ORDER, Section, Snapshot, TypeUrl, XdsResource
from meshweb.protos import message, pool

SERVICE_PORT = 8080
OUTBOUND = f"outbound|{SERVICE_PORT}||api.shop.svc.cluster.local"
STAT = f"outbound~shop~api~{SERVICE_PORT}"
_ADS = {"ads": {}, "resource_api_version": "V3"}
_T = "type.googleapis.com/envoy.extensions"
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_NAMES = {
    TypeUrl.CLUSTER: "envoy.config.cluster.v3.Cluster",
    TypeUrl.ENDPOINT: "envoy.config.endpoint.v3.ClusterLoadAssignment",
    TypeUrl.LISTENER: "envoy.config.listener.v3.Listener",
    TypeUrl.ROUTE: "envoy.config.route.v3.RouteConfiguration",
    TypeUrl.SECRET: "envoy.extensions.transport_sockets.tls.v3.Secret",
}


_INSPECTOR = {
    "name": "envoy.filters.listener.tls_inspector",
    "typed_config": {"@type": f"{_T}.filters.listener.tls_inspector.v3.TlsInspector"},
}


def resource(type_url: TypeUrl, name: str, body: dict[str, Any]) -> XdsResource:
    parsed = message(_NAMES[type_url])()
    json_format.ParseDict(body, parsed, descriptor_pool=pool())
    return XdsResource.of(name, parsed.SerializeToString(deterministic=True))


def snapshot(revision: int, *resources: tuple[TypeUrl, XdsResource]) -> Snapshot:
    sections = {t: (Section.of(r for kind, r in resources if kind is t),) for t in PUSH_ORDER}
    return Snapshot(revision, sections)


def _tls(identity: str | None) -> dict[str, Any]:
    certificates = [{"name": "default", "sds_config": _ADS}]
    bundle = {"name": "ROOTCA", "sds_config": _ADS}
    params = {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"}
    common: dict[str, Any] = {"tls_params": params, "tls_certificate_sds_secret_configs": certificates}
    if identity is None:
        common |= {"validation_context_sds_secret_config": bundle, "alpn_protocols": ["h2", "http/1.1"]}
        context = {
            "@type": f"{_T}.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": common,
            "require_client_certificate": True,
        }
    else:
        names = [{"san_type": "URI", "matcher": {"exact": identity}}]
        combined = {
            "default_validation_context": {"match_typed_subject_alt_names": names},
            "validation_context_sds_secret_config": bundle,
        }
        common |= {"combined_validation_context": combined, "alpn_protocols": ["meshweb", "h2", "http/1.1"]}
        context = {
            "@type": f"{_T}.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": common,
            "sni": "api.shop",
        }
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def _hcm(stat: str, **fields: Any) -> dict[str, Any]:
    router = {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{_T}.filters.http.router.v3.Router"}}
    filters = [*fields.pop("filters", []), router]
    config = {
        "@type": f"{_T}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": stat,
        "http_filters": filters,
        **fields,
    }
    return {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": config}]}


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def https(bind: str, port: int, secrets: Mapping[str, str]) -> tuple[TypeUrl, XdsResource]:
    """A gateway: for each server name a chain with the certificate of a secret, which answers with that name."""
    chains = []
    for name, secret in secrets.items():
        route = {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": name}}}
        hosts = [{"name": name, "domains": ["*"], "routes": [route]}]
        common = {"tls_certificate_sds_secret_configs": [{"name": secret, "sds_config": _ADS}]}
        context = {"@type": f"{_T}.transport_sockets.tls.v3.DownstreamTlsContext", "common_tls_context": common}
        chain = _hcm(f"gateway_{port}", route_config={"virtual_hosts": hosts})
        chain["filter_chain_match"] = {"server_names": [name]}
        chain["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": context}
        chains.append(chain)
    name = f"{bind}_{port}"
    listener = {"name": name, "address": _address(bind, port), "listener_filters": [_INSPECTOR], "filter_chains": chains}
    return TypeUrl.LISTENER, resource(TypeUrl.LISTENER, name, listener)


def key_pair(name: str, certificate: str, key: str) -> tuple[TypeUrl, XdsResource]:
    pair = {"certificate_chain": {"inline_string": certificate}, "private_key": {"inline_string": key}}
    return TypeUrl.SECRET, resource(TypeUrl.SECRET, name, {"name": name, "tls_certificate": pair})


def inbound(bind: str, port: int, app: str = "127.0.0.1", deny_path: str = "/denied") -> list[tuple[TypeUrl, XdsResource]]:
    """A sidecar in front of an application: mTLS, one denied path, records of denials."""
    name = f"inbound|{port}||"
    cluster = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(app, port)}}]}],
        },
        "upstream_bind_config": {"source_address": {"address": "0.0.0.0", "port_value": 0}},
    }
    rbac = {
        "name": "rbac.deny",
        "typed_config": {
            "@type": f"{_T}.filters.http.rbac.v3.RBAC",
            "rules": {
                "action": "DENY",
                "policies": {
                    "deny": {
                        "permissions": [{"url_path": {"path": {"exact": deny_path}}}],
                        "principals": [{"any": True}],
                    }
                },
            },
        },
    }
    log = {
        "name": "envoy.access_loggers.http_grpc",
        # RBAC sets no response flag; it leaves its verdict in dynamic metadata.
        "filter": {
            "metadata_filter": {
                "matcher": {
                    "filter": "envoy.filters.http.rbac",
                    "path": [{"key": "enforced_engine_result"}],
                    "value": {"string_match": {"exact": "denied"}},
                },
                "match_if_key_not_found": False,
            }
        },
        "typed_config": {
            "@type": f"{_T}.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
            "common_config": {
                "log_name": "denials",
                "grpc_service": {"envoy_grpc": {"cluster_name": "agent"}},
                "transport_api_version": "V3",
                "buffer_flush_interval": "0.2s",
            },
        },
    }
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": name, "timeout": "0s"}}]
    chain = _hcm(
        f"inbound_{port}",
        filters=[rbac],
        access_log=[log],
        route_config={"virtual_hosts": [{"name": f"inbound~{port}", "domains": ["*"], "routes": routes}]},
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"uri": True},
    )
    chain |= {"filter_chain_match": {"transport_protocol": "tls"}, "transport_socket": _tls(None)}
    listener = {
        "name": f"inbound|{port}",
        "address": _address(bind, port),
        "traffic_direction": "INBOUND",
        "listener_filters": [_INSPECTOR],
        "filter_chains": [chain],
    }
    return [
        (TypeUrl.CLUSTER, resource(TypeUrl.CLUSTER, name, cluster)),
        (TypeUrl.LISTENER, resource(TypeUrl.LISTENER, f"inbound|{port}", listener)),
    ]


def outbound(
    bind: str, local_port: int, endpoints: list[tuple[str, int]], identity: str, header: str = "1", name: str = OUTBOUND
) -> list[tuple[TypeUrl, XdsResource]]:
    """A sidecar that calls `shop/api`; `header` is the value of x-version in each response, `name` that of the cluster."""
    cluster = {
        "name": name,
        "alt_stat_name": STAT,
        "type": "EDS",
        "connect_timeout": "5s",
        "eds_cluster_config": {"eds_config": _ADS},
        "transport_socket": _tls(identity),
        "typed_extension_protocol_options": {
            _OPTIONS: {"@type": f"type.googleapis.com/{_OPTIONS}", "auto_config": {"http2_protocol_options": {}}}
        },
    }
    assignment = {
        "cluster_name": name,
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(*endpoint)}} for endpoint in endpoints]}],
    }
    listener = {
        "name": OUTBOUND,
        "address": _address(bind, local_port),
        "traffic_direction": "OUTBOUND",
        "stat_prefix": STAT,
        "filter_chains": [_hcm(STAT, rds={"route_config_name": OUTBOUND, "config_source": _ADS})],
    }
    virtual_host = {
        "name": STAT,
        "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": name, "timeout": "0s"}}],
        "virtual_clusters": [{"name": "all", "headers": [{"name": ":path", "present_match": True}]}],
        "response_headers_to_add": [{"header": {"key": "x-version", "value": header}}],
    }
    route = {"name": OUTBOUND, "virtual_hosts": [virtual_host]}
    return [
        (TypeUrl.CLUSTER, resource(TypeUrl.CLUSTER, name, cluster)),
        (TypeUrl.ENDPOINT, resource(TypeUrl.ENDPOINT, name, assignment)),
        (TypeUrl.LISTENER, resource(TypeUrl.LISTENER, OUTBOUND, listener)),
        (TypeUrl.ROUTE, resource(TypeUrl.ROUTE, OUTBOUND, route)),
    ]

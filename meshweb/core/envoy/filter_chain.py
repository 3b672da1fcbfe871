"""The HTTP filters of a sidecar and the one order they stand in."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from meshweb.core.envoy.rbac import RbacRules
from meshweb.core.envoy.values import ADS, Json, any_of, duration

_HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_SANITIZE, _SANITIZE_SET = 0, 3  # ForwardClientCertDetails
_REJECT_REQUEST = 2  # PathWithEscapedSlashesAction
_REJECT_UNDERSCORES = 1  # HttpProtocolOptions.HeadersWithUnderscoresAction
_CODEC_AUTO = 0


class FilterPhase(IntEnum):
    """Where a filter stands. A new filter takes a phase here; nothing else decides the order."""

    DENY = 40
    ALLOW = 50
    ROUTER = 100


DENY_FILTER = "envoy.filters.http.rbac.deny"
ALLOW_FILTER = "envoy.filters.http.rbac.allow"
_NOBODY: Json = {"action": 0, "policies": {}}
"""config.rbac.v3.RBAC: ALLOW without a policy."""


def http_filters(*, authorize: bool) -> list[Json]:
    found: list[tuple[FilterPhase, Json]] = [(FilterPhase.ROUTER, _router())]
    if authorize:
        found += [(FilterPhase.DENY, _rbac(DENY_FILTER, "deny")), (FilterPhase.ALLOW, _rbac(ALLOW_FILTER, "allow"))]
    return [item for _, item in sorted(found, key=lambda pair: pair[0])]


def _router() -> Json:
    return {"name": "envoy.filters.http.router", "typed_config": any_of("envoy.extensions.filters.http.router.v3.Router")}


def _rbac(name: str, stat: str) -> Json:
    """By itself it admits nobody: the rules come with the routes, so that a changed policy holds for the next request also on
    connections that are open. Changed in the listener, it would hold only for new ones."""
    config = any_of("envoy.extensions.filters.http.rbac.v3.RBAC", rules=_NOBODY, rules_stat_prefix=f"{stat}.")
    return {"name": name, "typed_config": config}


def authorization(rbac: RbacRules) -> dict[str, Any]:
    """VirtualHost.typed_per_filter_config for `http_filters(authorize=True)`. A filter without rules is switched off."""
    return {DENY_FILTER: _per_route(rbac.deny, "deny"), ALLOW_FILTER: _per_route(rbac.allow, "allow")}


def _per_route(rules: Json | None, stat: str) -> Any:
    if rules is None:
        return any_of("envoy.extensions.filters.http.rbac.v3.RBACPerRoute")
    return any_of("envoy.extensions.filters.http.rbac.v3.RBACPerRoute", rbac={"rules": rules, "rules_stat_prefix": f"{stat}."})


def network_rbac_filters(rbac: RbacRules, port: int) -> list[Json]:
    """The same decision on a TCP port: a denied connection is closed."""
    return [
        {
            "name": f"envoy.filters.network.rbac.{name}",
            "typed_config": any_of(
                "envoy.extensions.filters.network.rbac.v3.RBAC", rules=rules, stat_prefix=f"inbound_{port}_{name}."
            ),
        }
        for name, rules in (("deny", rbac.deny), ("allow", rbac.allow))
        if rules is not None
    ]


def _normalization() -> Json:
    """One path and one set of headers for policy, route and application. Not for documents to loosen."""
    return {
        "normalize_path": {"value": True},
        "merge_slashes": True,
        "path_with_escaped_slashes_action": _REJECT_REQUEST,
        "common_http_protocol_options": {
            "headers_with_underscores_action": _REJECT_UNDERSCORES,
            "idle_timeout": duration(3_600_000),
        },
        "stream_idle_timeout": duration(0),
        "strip_trailing_host_dot": False,
    }


def inbound_hcm(port: int, route_config: str) -> Any:
    """HttpConnectionManager in front of the application: normalizes, authorizes, says who the caller is (XFCC)."""
    return any_of(
        _HCM,
        stat_prefix=f"inbound_{port}",
        codec_type=_CODEC_AUTO,
        rds={"route_config_name": route_config, "config_source": ADS},
        http_filters=http_filters(authorize=True),
        access_log=[denial_log()],
        forward_client_cert_details=_SANITIZE_SET,
        set_current_client_cert_details={"uri": True},
        use_remote_address={"value": False},
        server_name="meshweb",
        server_header_transformation=2,  # PASS_THROUGH: the application's own
        **_normalization(),
    )


def outbound_hcm(stat: str, route_config: str, *, connect: bool = False) -> Any:
    """HttpConnectionManager for the application's own calls; `connect`: also CONNECT, for mode proxy."""
    fields: Json = {"upgrade_configs": [{"upgrade_type": "CONNECT"}]} if connect else {}
    if connect:
        fields["http_protocol_options"] = {"allow_absolute_url": {"value": True}}
    return any_of(
        _HCM,
        stat_prefix=stat,
        codec_type=_CODEC_AUTO,
        rds={"route_config_name": route_config, "config_source": ADS},
        http_filters=http_filters(authorize=False),
        forward_client_cert_details=_SANITIZE,
        use_remote_address={"value": False},
        server_header_transformation=2,
        generate_request_id={"value": True},
        normalize_path={"value": True},
        merge_slashes=True,
        common_http_protocol_options={"idle_timeout": duration(3_600_000)},
        stream_idle_timeout=duration(0),
        **fields,
    )


def tcp_proxy(stat: str, cluster: str) -> Json:
    config = any_of(
        "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        stat_prefix=stat,
        cluster=cluster,
        idle_timeout=duration(3_600_000),
    )
    return {"name": "envoy.filters.network.tcp_proxy", "typed_config": config}


def http_connection_manager(config: Any) -> Json:
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": config}


def denial_log() -> Json:
    """Access records of denied requests only, to the agent: who was turned away, and by which rule.

    Envoy's RBAC filter sets no response flag; it leaves its verdict in dynamic metadata, under the prefix of its statistics.
    """
    verdicts = [{"metadata_filter": _denied_by(stat)} for stat in ("deny", "allow")]
    config = any_of(
        "envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
        common_config={
            "log_name": "denials",
            "grpc_service": {"envoy_grpc": {"cluster_name": "agent"}},
            "transport_api_version": 2,
            "buffer_flush_interval": duration(1000),
        },
    )
    return {
        "name": "envoy.access_loggers.http_grpc",
        "filter": {"or_filter": {"filters": verdicts}},
        "typed_config": config,
    }


def _denied_by(stat: str) -> Json:
    return {
        "matcher": {
            "filter": "envoy.filters.http.rbac",
            "path": [{"key": f"{stat}.enforced_engine_result"}],
            "value": {"string_match": {"exact": "denied"}},
        },
        "match_if_key_not_found": {"value": False},
    }


def tcp_filters(port: int, cluster: str, rbac: RbacRules) -> list[Json]:
    """Network filters in front of an application that does not speak HTTP."""
    return [*network_rbac_filters(rbac, port), tcp_proxy(f"inbound_{port}", cluster)]

"""The HTTP filters of a sidecar and the one order they stand in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

from meshweb.core.envoy import custom, route_filters
from meshweb.core.envoy.access_log import AUDITED, http_access_log
from meshweb.core.envoy.clusters import dns_cache
from meshweb.core.envoy.denial_header import local_replies
from meshweb.core.envoy.local_rate_limits import local_filter
from meshweb.core.envoy.rbac import HEADERS, MARKED_HEADERS, RbacRules
from meshweb.core.envoy.rbac_remote import detection
from meshweb.core.envoy.shared_rate_limits import shared_filters, status_filter
from meshweb.core.envoy.tokens import token_filter
from meshweb.core.envoy.values import ADS, Json, any_of, duration
from meshweb.core.ir.providers import Provider
from meshweb.core.ir.security import TokenRule

_HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_SANITIZE, _SANITIZE_SET = 0, 3  # ForwardClientCertDetails
_REJECT_REQUEST = 2  # PathWithEscapedSlashesAction
_REJECT_UNDERSCORES = 1  # HttpProtocolOptions.HeadersWithUnderscoresAction
_CODEC_AUTO = 0
_STRING = 0  # header_to_metadata Config.ValueType
_WEBSOCKET: Json = {"upgrade_type": "websocket"}
_EXTENDED_CONNECT: Json = {"allow_connect": True}
"""Http2ProtocolOptions: a WebSocket over HTTP/2 is a CONNECT with a protocol (RFC 8441); so it comes from other sidecars."""


class FilterPhase(IntEnum):
    """Where a filter stands. A new filter takes a phase here; nothing else decides the order."""

    PEER = 10
    TOKENS = 20
    FORGED = 25
    MARKED_HEADERS = 30
    AUDIT = 31
    CUSTOM = 32
    KNOWN = 33
    ASKING = 34
    HEADERS = 38
    DENY = 40
    ALLOW = 50
    RATE_LIMIT_STATUS = 54
    LOCAL_RATE_LIMIT = 55
    OPEN_RATE_LIMIT = 56
    CLOSED_RATE_LIMIT = 57
    CORS = 60
    FAULT = 70
    SESSION = 80
    DYNAMIC_HOST = 90
    ROUTER = 100


HEADERS_FILTER = "envoy.filters.http.header_to_metadata"
MARKED_HEADERS_FILTER = "envoy.filters.http.header_to_metadata.marked"
AUDIT_FILTER = "envoy.filters.http.rbac.audit"
DENY_FILTER = "envoy.filters.http.rbac.deny"
ALLOW_FILTER = "envoy.filters.http.rbac.allow"
_NOBODY: Json = {"action": 0, "policies": {}}
"""config.rbac.v3.RBAC: ALLOW without a policy."""


def inbound_filters(
    tokens: Sequence[TokenRule] = (), providers: Sequence[Provider] = (), *, peer: Json | None = None
) -> list[Json]:
    """In front of an application: who may call, and how often. peer: a filter that notes what a caller is."""
    return _in_order(
        {
            **_tokens(tokens),
            **({FilterPhase.PEER: peer} if peer is not None else {}),
            **_custom(providers),
            **_authorization(),
            **_rate_limits(),
            FilterPhase.ROUTER: _router(),
        }
    )


def outbound_filters(*, dynamic: bool = False) -> list[Json]:
    """For an application's own calls. dynamic: some destinations are known by each request's Host alone."""
    found = {
        FilterPhase.CORS: route_filters.cors_filter(),
        FilterPhase.FAULT: route_filters.fault_filter(),
        FilterPhase.SESSION: route_filters.session_filter(),
        FilterPhase.ROUTER: _router(),
    }
    if dynamic:
        found[FilterPhase.DYNAMIC_HOST] = _dynamic_host()
    return _in_order(found)


def gateway_filters(
    tokens: Sequence[TokenRule] = (), providers: Sequence[Provider] = (), *, dynamic: bool = False
) -> list[Json]:
    """For calls from outside: who may call, and how often, then as for an application's own."""
    found: dict[FilterPhase, Json | list[Json]] = {
        **_tokens(tokens),
        **_custom(providers),
        **_authorization(),
        **_rate_limits(),
        FilterPhase.CORS: route_filters.cors_filter(),
        FilterPhase.FAULT: route_filters.fault_filter(),
        FilterPhase.SESSION: route_filters.session_filter(),
        FilterPhase.ROUTER: _router(),
    }
    if dynamic:
        found[FilterPhase.DYNAMIC_HOST] = _dynamic_host()
    return _in_order(found)


def _tokens(rules: Sequence[TokenRule]) -> dict[FilterPhase, Json]:
    return {FilterPhase.TOKENS: token_filter(rules)} if rules else {}


def _custom(providers: Sequence[Provider]) -> dict[FilterPhase, list[Json]]:
    if not providers:
        return {}
    return {
        FilterPhase.FORGED: [custom.forged_filter()],
        FilterPhase.CUSTOM: [_marking(custom.CUSTOM_FILTER)],
        FilterPhase.KNOWN: [custom.known_filter(providers)],
        FilterPhase.ASKING: custom.asking_filters(providers),
    }


def _marking(name: str) -> Json:
    """It decides nothing: its shadow rules come with the routes, and leave in metadata which of them matched."""
    return {"name": name, "typed_config": any_of("envoy.extensions.filters.http.rbac.v3.RBAC")}


def _headers_filter(name: str) -> Json:
    return {"name": name, "typed_config": any_of("envoy.extensions.filters.http.header_to_metadata.v3.Config")}


def _authorization() -> dict[FilterPhase, Json]:
    return {
        FilterPhase.MARKED_HEADERS: _headers_filter(MARKED_HEADERS_FILTER),
        FilterPhase.AUDIT: _marking(AUDIT_FILTER),
        FilterPhase.HEADERS: _headers_filter(HEADERS_FILTER),
        FilterPhase.DENY: _rbac(DENY_FILTER, "deny"),
        FilterPhase.ALLOW: _rbac(ALLOW_FILTER, "allow"),
    }


def _rate_limits() -> dict[FilterPhase, Json]:
    """What a proxy counts alone is refused without a question to anybody else."""
    passing, refusing = shared_filters()
    return {
        FilterPhase.RATE_LIMIT_STATUS: status_filter(),
        FilterPhase.LOCAL_RATE_LIMIT: local_filter(),
        FilterPhase.OPEN_RATE_LIMIT: passing,
        FilterPhase.CLOSED_RATE_LIMIT: refusing,
    }


def _in_order(filters: Mapping[FilterPhase, Json | list[Json]]) -> list[Json]:
    """A phase may have several."""
    found: list[Json] = []
    for phase in sorted(filters):
        standing = filters[phase]
        found += standing if isinstance(standing, list) else [standing]
    return found


def _dynamic_host() -> Json:
    config = any_of("envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig", dns_cache_config=dns_cache())
    return {"name": "envoy.filters.http.dynamic_forward_proxy", "typed_config": config}


def _router() -> Json:
    return {"name": "envoy.filters.http.router", "typed_config": any_of("envoy.extensions.filters.http.router.v3.Router")}


def _rbac(name: str, stat: str) -> Json:
    """By itself it admits nobody: the rules come with the routes, so that a changed policy holds for the next request also on
    connections that are open. Changed in the listener, it would hold only for new ones."""
    config = any_of("envoy.extensions.filters.http.rbac.v3.RBAC", rules=_NOBODY, rules_stat_prefix=f"{stat}.")
    return {"name": name, "typed_config": config}


def authorization(rbac: RbacRules, *, whole: bool = False) -> dict[str, Any]:
    """typed_per_filter_config for `inbound_filters` and `gateway_filters`. A filter without rules is switched off. whole: of a route, in
    place of what its virtual host says."""
    return {
        **_marks(rbac, whole=whole),
        **_headers(HEADERS_FILTER, HEADERS, rbac.headers),
        DENY_FILTER: _per_route(rbac.deny, rbac.would_deny, "deny"),
        ALLOW_FILTER: _per_route(rbac.allow, rbac.would_allow, "allow"),
    }


def _marks(rbac: RbacRules, *, whole: bool) -> dict[str, Any]:
    found = _headers(MARKED_HEADERS_FILTER, MARKED_HEADERS, rbac.marked_headers)
    for name, rules, stat in ((AUDIT_FILTER, rbac.audit, AUDITED), (custom.CUSTOM_FILTER, rbac.custom, custom.STAT)):
        if rules is not None or whole:
            marks = {} if rules is None else {"rbac": {"shadow_rules": rules, "shadow_rules_stat_prefix": stat}}
            found[name] = any_of("envoy.extensions.filters.http.rbac.v3.RBACPerRoute", **marks)
    if rbac.custom is not None or whole:
        found[custom.FORGED_FILTER] = custom.without_forged(rbac.provider)
    return found


def _headers(filter_name: str, namespace: str, names: tuple[str, ...]) -> dict[str, Any]:
    if not names:
        return {}
    rules = [
        {"header": name, "on_header_present": {"metadata_namespace": namespace, "key": name, "type": _STRING}} for name in names
    ]
    return {filter_name: any_of("envoy.extensions.filters.http.header_to_metadata.v3.Config", request_rules=rules)}


def _per_route(rules: Json | None, would: Json | None, stat: str) -> Any:
    per_route = "envoy.extensions.filters.http.rbac.v3.RBACPerRoute"
    if rules is None and would is None:
        return any_of(per_route)
    return any_of(per_route, rbac=_rbac_fields(rules, would, stat))


def _rbac_fields(rules: Json | None, would: Json | None, stat: str) -> Json:
    found: Json = {}
    if rules is not None:
        found |= {"rules": rules, "rules_stat_prefix": f"{stat}."}
    if would is not None:
        found |= {"shadow_rules": would, "shadow_rules_stat_prefix": f"{stat}."}
    return found


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


def inbound_hcm(
    port: int,
    route_config: str,
    tokens: Sequence[TokenRule] = (),
    providers: Sequence[Provider] = (),
    *,
    peer: Json | None = None,
) -> Any:
    """HttpConnectionManager in front of the application: normalizes, authorizes, says who the caller is (XFCC). peer: as in
    `inbound_filters`; who is denied is then told by what."""
    return any_of(
        _HCM,
        stat_prefix=f"inbound_{port}",
        codec_type=_CODEC_AUTO,
        rds={"route_config_name": route_config, "config_source": ADS},
        http_filters=inbound_filters(tokens, providers, peer=peer),
        **({"local_reply_config": local_replies()} if peer is not None else {}),
        upgrade_configs=[_WEBSOCKET],
        http2_protocol_options=_EXTENDED_CONNECT,
        access_log=[http_access_log()],
        forward_client_cert_details=_SANITIZE_SET,
        set_current_client_cert_details={"uri": True},
        use_remote_address={"value": False},
        **detection(),
        server_name="meshweb",
        server_header_transformation=2,  # PASS_THROUGH: the application's own
        **_normalization(),
    )


def outbound_hcm(stat: str, route_config: str, *, connect: bool = False, dynamic: bool = False) -> Any:
    """HttpConnectionManager for the application's own calls; `connect`: also CONNECT, for mode proxy."""
    fields: Json = {"upgrade_configs": [_WEBSOCKET], "http2_protocol_options": _EXTENDED_CONNECT}
    if connect:
        fields["upgrade_configs"] = [_WEBSOCKET, {"upgrade_type": "CONNECT"}]
        fields["http_protocol_options"] = {"allow_absolute_url": {"value": True}}
    return any_of(
        _HCM,
        stat_prefix=stat,
        codec_type=_CODEC_AUTO,
        rds={"route_config_name": route_config, "config_source": ADS},
        http_filters=outbound_filters(dynamic=dynamic),
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


def gateway_hcm(
    stat: str,
    route_config: str,
    tokens: Sequence[TokenRule] = (),
    providers: Sequence[Provider] = (),
    *,
    trusted_proxies: int = 0,
    dynamic: bool = False,
) -> Any:
    """HttpConnectionManager for calls from outside the mesh: what callers say about themselves is not believed, but for where
    `trusted_proxies` in front of it say that a request came from."""
    return any_of(
        _HCM,
        stat_prefix=stat,
        codec_type=_CODEC_AUTO,
        rds={"route_config_name": route_config, "config_source": ADS},
        http_filters=gateway_filters(tokens, providers, dynamic=dynamic),
        access_log=[http_access_log()],
        upgrade_configs=[_WEBSOCKET],
        http2_protocol_options=_EXTENDED_CONNECT,
        forward_client_cert_details=_SANITIZE_SET,
        set_current_client_cert_details={"uri": True, "dns": True, "subject": {"value": True}},
        use_remote_address={"value": True},
        xff_num_trusted_hops=trusted_proxies,
        server_name="meshweb",
        server_header_transformation=2,
        generate_request_id={"value": True},
        **_normalization(),
    )


def http_connection_manager(config: Any) -> Json:
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": config}

"""Filters that stand in every outbound chain and do nothing until a route configures them: so that a document which uses one
changes routes, not listeners, and holds for the next request on connections that are open."""

from __future__ import annotations

from typing import Any

from meshweb.core.envoy.route_action import parts_of_a_million
from meshweb.core.envoy.route_match import string_match
from meshweb.core.envoy.values import Json, any_of, duration
from meshweb.core.ir.routing import Cors, Fault, RouteRule, SessionPersistence

CORS_FILTER = "envoy.filters.http.cors"
FAULT_FILTER = "envoy.filters.http.fault"
SESSION_FILTER = "envoy.filters.http.stateful_session"

_CORS = "envoy.extensions.filters.http.cors.v3"
_FAULT = "envoy.extensions.filters.http.fault.v3.HTTPFault"
_SESSION = "envoy.extensions.filters.http.stateful_session.v3"


def cors_filter() -> Json:
    return {"name": CORS_FILTER, "typed_config": any_of(f"{_CORS}.Cors")}


def fault_filter() -> Json:
    return {"name": FAULT_FILTER, "typed_config": any_of(_FAULT)}


def session_filter() -> Json:
    return {"name": SESSION_FILTER, "typed_config": any_of(f"{_SESSION}.StatefulSession")}


def per_route(rule: RouteRule) -> dict[str, Any]:
    """Route.typed_per_filter_config."""
    found: dict[str, Any] = {}
    if rule.cors is not None:
        found[CORS_FILTER] = _cors(rule.cors)
    if rule.fault is not None:
        found[FAULT_FILTER] = _fault(rule.fault)
    if rule.session is not None:
        found[SESSION_FILTER] = _session(rule.session)
    return found


def _cors(cors: Cors) -> Any:
    fields: Json = {
        "allow_origin_string_match": [string_match(origin) for origin in cors.origins],
        "filter_enabled": {"default_value": parts_of_a_million(1_000_000)},
        "forward_not_matching_preflights": {"value": cors.forward_unmatched},
    }
    for name, values in (("allow_methods", cors.methods), ("allow_headers", cors.headers), ("expose_headers", cors.expose)):
        if values:
            fields[name] = ",".join(values)
    if cors.max_age is not None:
        fields["max_age"] = str(cors.max_age)
    if cors.credentials is not None:
        fields["allow_credentials"] = {"value": cors.credentials}
    return any_of(f"{_CORS}.CorsPolicy", **fields)


def _fault(fault: Fault) -> Any:
    fields: Json = {}
    if fault.delay_parts:
        fields["delay"] = {"fixed_delay": duration(fault.delay), "percentage": parts_of_a_million(fault.delay_parts)}
    if fault.abort_parts:
        status = {"http_status": fault.http_status} if fault.grpc_status is None else {"grpc_status": fault.grpc_status}
        fields["abort"] = {**status, "percentage": parts_of_a_million(fault.abort_parts)}
    return any_of(_FAULT, **fields)


def _session(session: SessionPersistence) -> Any:
    kind = "header" if session.header else "cookie"
    if session.header:
        state = any_of("envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState", name=session.name)
    else:
        cookie: Json = {"name": session.name, "path": session.path}
        if session.lifetime:
            cookie["ttl"] = duration(session.lifetime * 1000)
        state = any_of("envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState", cookie=cookie)
    named = {"name": f"envoy.http.stateful_session.{kind}", "typed_config": state}
    return any_of(f"{_SESSION}.StatefulSessionPerRoute", stateful_session={"session_state": named})

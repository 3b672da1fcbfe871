"""RateLimits that all proxies count together, as Envoy's rate limit filter: it asks the agent, and that asks the control plane."""

from __future__ import annotations

from typing import Any

from meshweb.core.envoy.rate_limit_actions import actions, refusal_headers
from meshweb.core.envoy.values import Json, any_of, duration
from meshweb.core.ir.rate_limits import RateLimit
from meshweb.core.shared_limits import DOCUMENT, DOMAIN, TOLD, name_of

_FILTER = "envoy.filters.http.ratelimit"
_STATUS_FILTER = "envoy.filters.http.custom_response"
_CUSTOM_RESPONSE = "envoy.extensions.filters.http.custom_response.v3.CustomResponse"
_V3 = 2  # core.v3.ApiVersion
_PATIENCE_MS = 500
"""How long a request waits for the answer, before it passes or is refused as if there were none."""
_TOO_MANY, _UNAVAILABLE = 429, 503
_OPEN, _CLOSED = 0, 1
"""Stages. Which of the two filters asks for a request is said by its route."""


def shared_filters() -> list[Json]:
    """By themselves they ask nothing: what is counted comes with the routes, so that a changed limit holds on connections that are
    open. One lets requests pass when nobody answers, one refuses them."""
    return [_filter("open", _OPEN), _filter("closed", _CLOSED)]


def status_filter() -> Json:
    """Before those above: gives their refusals the status that a document wants."""
    return {"name": _STATUS_FILTER, "typed_config": any_of(_CUSTOM_RESPONSE)}


def shared_counts(limit: RateLimit | None) -> Json:
    """VirtualHost fields."""
    if limit is None or not limit.shared:
        return {}
    document = {"generic_key": {"descriptor_key": DOCUMENT, "descriptor_value": name_of(limit)}}
    stage = {"value": _OPEN if limit.open else _CLOSED}
    return {
        "rate_limits": [
            {"stage": stage, "actions": [document, *actions(one, match)]}
            for one in limit.shared
            for match in one.matches or (None,)
        ]
    }


def shared_statuses(limit: RateLimit | None) -> dict[str, Any]:
    """VirtualHost.typed_per_filter_config. Envoy's rate limit filter has one status for all routes; an answer with another one is made
    anew, so that all headers of the refusal are given again."""
    if limit is None or not limit.shared or limit.status == _TOO_MANY:
        return {}
    # Not those of gRPC, whose status is 200.
    refused = [_header_is("x-envoy-ratelimited", "true"), _header_is(":status", str(_TOO_MANY))]
    answer = any_of(
        "envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy",
        status_code={"value": limit.status},
        response_headers_to_add=[*refusal_headers(limit), *(map(_told, TOLD) if limit.tell else ())],
    )
    matcher = {
        "predicate": {"and_matcher": {"predicate": refused}},
        "on_match": {"action": {"name": "status", "typed_config": answer}},
    }
    return {_STATUS_FILTER: any_of(_CUSTOM_RESPONSE, custom_response_matcher={"matcher_list": {"matchers": [matcher]}})}


def _header_is(name: str, value: str) -> Json:
    """xds.type.matcher.v3.Matcher.MatcherList.Predicate on a header of the response."""
    header = any_of("envoy.type.matcher.v3.HttpResponseHeaderMatchInput", header_name=name)
    return {"single_predicate": {"input": {"name": name, "typed_config": header}, "value_match": {"exact": value}}}


def _told(header: str) -> Json:
    return {"header": {"key": header, "value": f"%DYNAMIC_METADATA({_FILTER}:{header})%"}}


def _filter(name: str, stage: int) -> Json:
    config = any_of(
        "envoy.extensions.filters.http.ratelimit.v3.RateLimit",
        domain=DOMAIN,
        stage=stage,
        stat_prefix=name,
        timeout=duration(_PATIENCE_MS),
        failure_mode_deny=stage == _CLOSED,
        status_on_error={"code": _UNAVAILABLE},
        rate_limited_as_resource_exhausted=True,
        rate_limit_service={
            "grpc_service": {"envoy_grpc": {"cluster_name": "agent"}, "timeout": duration(_PATIENCE_MS)},
            "transport_api_version": _V3,
        },
    )
    return {"name": f"{_FILTER}.{name}", "typed_config": config}

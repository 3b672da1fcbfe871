"""RateLimits as Envoy's local rate limit filter: token buckets in each proxy, one per limit and value."""

from __future__ import annotations

import re
from typing import Any

from meshweb.core.envoy.route_match import string_match
from meshweb.core.envoy.values import Json, any_of, duration
from meshweb.core.ir.rate_limits import CountedBy, Limit, LimitMatch, RateLimit
from meshweb.core.ir.routing import MatchKind, StringMatch

RATE_LIMIT_FILTER = "envoy.filters.http.local_ratelimit"
_TYPE = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_CALLER = "connection.uri_san_peer_certificate"
_X_RATELIMIT_HEADERS = 1  # XRateLimitHeadersRFCVersion.DRAFT_VERSION_03
_MAX_VALUES = 10_000
"""Counters per limit that counts by value; beyond that the one that was not used for longest is forgotten."""
_MAX_TOKENS = 2**31 - 1


def rate_limit_filter() -> Json:
    """By itself it limits nothing: buckets come with the routes, so that a changed limit holds on connections that are open."""
    return {"name": RATE_LIMIT_FILTER, "typed_config": any_of(_TYPE, stat_prefix="rate_limit")}


def rate_limiting(limit: RateLimit | None) -> dict[str, Any]:
    """VirtualHost.typed_per_filter_config."""
    return {} if limit is None else {RATE_LIMIT_FILTER: _config(limit)}


def _config(document: RateLimit) -> Any:
    buckets, actions = [], []
    for limit in document.limits:
        for index, match in enumerate(limit.matches or (None,)):
            name = f"{limit.name}#{index}"
            buckets.append({"entries": _entries(name, limit), "token_bucket": _bucket(limit)})
            actions.append({"actions": _actions(name, limit, match)})
    fields: Json = {
        "stat_prefix": "rate_limit",
        # What no descriptor is for is not limited: the filter wants a bucket all the same.
        "token_bucket": {"max_tokens": _MAX_TOKENS, "tokens_per_fill": {"value": _MAX_TOKENS}, "fill_interval": duration(1000)},
        "always_consume_default_token_bucket": {"value": False},
        "filter_enabled": _percent(100),
        "filter_enforced": _percent(0 if document.shadow else 100),
        "status": {"code": document.status},
        "descriptors": buckets,
        "rate_limits": actions,
        "max_dynamic_descriptors": {"value": _MAX_VALUES},
        "rate_limited_as_resource_exhausted": True,
    }
    if document.tell:
        fields["enable_x_ratelimit_headers"] = _X_RATELIMIT_HEADERS
    if document.headers:
        fields["response_headers_to_add"] = [
            {"header": {"key": name, "value": value.replace("%", "%%")}} for name, value in document.headers
        ]
    return any_of(_TYPE, **fields)


def _percent(value: int) -> Json:
    return {"default_value": {"numerator": value, "denominator": 0}}


def _bucket(limit: Limit) -> Json:
    """`requests` tokens per period, filled in as fine steps as whole tokens allow (at least 50 ms, Envoy's least)."""
    steps = max(1, min(limit.requests, limit.period // 50))
    while limit.requests % steps or limit.period % steps:
        steps -= 1
    return {
        "max_tokens": limit.burst,
        "tokens_per_fill": {"value": limit.requests // steps},
        "fill_interval": duration(limit.period // steps),
    }


def _entries(name: str, limit: Limit) -> list[Json]:
    """An entry without a value stands for every value, each with a bucket of its own."""
    return [{"key": "limit", "value": name}, *({"key": _key(kind, header)} for kind, header in limit.by)]


def _key(kind: CountedBy, header: str) -> str:
    return kind.value if kind is CountedBy.CALLER else f"header:{header}"


def _actions(name: str, limit: Limit, match: LimitMatch | None) -> list[Json]:
    if match is None or match == LimitMatch():
        first: Json = {"generic_key": {"descriptor_key": "limit", "descriptor_value": name}}
    else:
        first = {"header_value_match": {"descriptor_key": "limit", "descriptor_value": name, "headers": _headers(match)}}
    return [first, *(_by(kind, header) for kind, header in limit.by)]


def _by(kind: CountedBy, header: str) -> Json:
    if kind is CountedBy.HEADER:
        return {"request_headers": {"header_name": header, "descriptor_key": _key(kind, header)}}
    expression = any_of(
        "envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor", descriptor_key=_key(kind, header), text=_CALLER
    )
    return {"extension": {"name": "envoy.rate_limit_descriptors.expr", "typed_config": expression}}


def _headers(match: LimitMatch) -> list[Json]:
    found: list[Json] = [{"name": item.name, "string_match": string_match(item.match)} for item in match.headers]
    if match.method:
        found.append({"name": ":method", "string_match": {"exact": match.method}})
    if match.path is not None:
        found.append({"name": ":path", "string_match": {"safe_regex": {"regex": _path(match.path)}}})
    return found


def _path(path: StringMatch) -> str:
    """The header `:path` carries the query, which is not the path's."""
    if path.kind is MatchKind.REGEX:
        return f"(?:{path.value})(?:\\?.*)?"
    if path.kind is MatchKind.EXACT:
        return re.escape(path.value) + r"(?:\?.*)?"
    prefix = re.escape(path.value.rstrip("/"))
    return prefix + r"(?:[/?].*)?"

"""RateLimits as Envoy's local rate limit filter: token buckets in each proxy, one per limit and value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meshweb.core.envoy.rate_limit_actions import LIMIT, actions, key, refusal_headers
from meshweb.core.envoy.values import Json, any_of, duration
from meshweb.core.ir.rate_limits import Limit, RateLimit

LOCAL_FILTER = "envoy.filters.http.local_ratelimit"
_TYPE = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_X_RATELIMIT_HEADERS = 1  # XRateLimitHeadersRFCVersion.DRAFT_VERSION_03
_MAX_VALUES = 10_000
"""Counters per limit that counts by value; beyond that the one that was not used for longest is forgotten."""
_MAX_TOKENS = 2**31 - 1


def local_filter() -> Json:
    """By itself it limits nothing: buckets come with the routes, so that a changed limit holds on connections that are open."""
    return {"name": LOCAL_FILTER, "typed_config": any_of(_TYPE, stat_prefix="rate_limit")}


def local_limits(limit: RateLimit | None) -> dict[str, Any]:
    """VirtualHost.typed_per_filter_config."""
    return {} if limit is None or not limit.own else {LOCAL_FILTER: _config(limit, limit.own)}


def _config(document: RateLimit, limits: Sequence[Limit]) -> Any:
    buckets, counted = [], []
    for limit in limits:
        buckets.append({"entries": _entries(limit), "token_bucket": _bucket(limit)})
        counted += [{"actions": actions(limit, match)} for match in limit.matches or (None,)]
    fields: Json = {
        "stat_prefix": f"limit~{document.document.namespace}~{document.document.name.replace('.', '+')}",
        # What no descriptor is for is not limited: the filter wants a bucket all the same.
        "token_bucket": {"max_tokens": _MAX_TOKENS, "tokens_per_fill": {"value": _MAX_TOKENS}, "fill_interval": duration(1000)},
        "always_consume_default_token_bucket": {"value": False},
        "filter_enabled": _percent(100),
        "filter_enforced": _percent(0 if document.shadow else 100),
        "status": {"code": document.status},
        "descriptors": buckets,
        "rate_limits": counted,
        "max_dynamic_descriptors": {"value": _MAX_VALUES},
        "rate_limited_as_resource_exhausted": True,
    }
    if document.tell and not document.shared:  # whose numbers would stand beside these
        fields["enable_x_ratelimit_headers"] = _X_RATELIMIT_HEADERS
    fields["response_headers_to_add"] = refusal_headers(document)
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


def _entries(limit: Limit) -> list[Json]:
    """An entry without a value stands for every value, each with a bucket of its own."""
    return [{"key": LIMIT, "value": limit.name}, *({"key": key(kind, header)} for kind, header in limit.by)]

"""A RateLimit on a virtual host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshweb.core.envoy.local_rate_limits import local_limits
from meshweb.core.envoy.shared_rate_limits import shared_counts, shared_statuses
from meshweb.core.envoy.values import Json
from meshweb.core.ir.rate_limits import RateLimit


def limited(limit: RateLimit | None, filters: Mapping[str, Any]) -> Json:
    """VirtualHost fields. filters: `typed_per_filter_config` of what else concerns its requests."""
    return {"typed_per_filter_config": {**filters, **local_limits(limit), **shared_statuses(limit)}, **shared_counts(limit)}

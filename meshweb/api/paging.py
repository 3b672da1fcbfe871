"""Pages by key: a cursor names the last row of a page, so that rows that come or go meanwhile neither hide nor double others."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request

from meshweb.api.bodies import wrong
from meshweb.api.shapes import Page
from meshweb.controlplane import revisions

M = TypeVar("M", bound=Model)
T = TypeVar("T")

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
_NOT_OURS = "the query parameter cursor is not one that this API gave"


def limit_of(request: Request) -> int:
    """Raises Problem (422)."""
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not text.isdecimal() or not 1 <= int(text) <= MAX_LIMIT:
        raise wrong("/limit", "range", f"the query parameter limit must be 1 to {MAX_LIMIT}")
    return int(text)


def page(
    request: Request, rows: QuerySet[M], keys: Sequence[str], render: Callable[[list[M]], list[T]], *, descending: bool = False
) -> Page[T]:
    """One page of `rows`, ordered by `keys` (together unique). Raises Problem (422) for a bad cursor or limit."""
    limit = limit_of(request)
    cursor = request.query_params.get("cursor")
    if cursor:
        try:
            rows = rows.filter(_after(keys, _decode(cursor, len(keys)), descending))
        except (ValueError, TypeError, ValidationError):  # values of other types than the keys have
            raise wrong("/cursor", "cursor", _NOT_OURS) from None
    ordered = rows.order_by(*(f"-{key}" if descending else key for key in keys))
    found = list(ordered[: limit + 1])
    more = len(found) > limit
    found = found[:limit]
    following = _encode([getattr(found[-1], key) for key in keys]) if more else None
    # Built without validation: the items are shapes already.
    return Page[Any].model_construct(items=render(found), next=following, revision=revisions.newest())


def _after(keys: Sequence[str], values: Sequence[Any], descending: bool) -> Q:
    compare = "lt" if descending else "gt"
    condition = Q()
    for index, key in enumerate(keys):
        equal = {keys[i]: values[i] for i in range(index)}
        condition |= Q(**equal, **{f"{key}__{compare}": values[index]})
    return condition


def _encode(values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _decode(cursor: str, count: int) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != count or not all(type(v) in (str, int) for v in values):
            raise ValueError(_NOT_OURS)
    except (ValueError, binascii.Error, RecursionError):
        raise wrong("/cursor", "cursor", _NOT_OURS) from None
    return values

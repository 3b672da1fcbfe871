"""What Envoy counts a request by: the actions that make the descriptors of a limit, for its local and its shared rate limit filter."""

from __future__ import annotations

import re

from meshweb.core.envoy.route_match import string_match
from meshweb.core.envoy.values import Json, any_of
from meshweb.core.ir.rate_limits import CountedBy, Limit, LimitMatch, RateLimit
from meshweb.core.ir.routing import MatchKind, StringMatch

LIMIT = "limit"
"""Key of the entry that names the limit."""

_CALLER = "connection.uri_san_peer_certificate"


def actions(limit: Limit, match: LimitMatch | None) -> list[Json]:
    """config.route.v3.RateLimit.actions of requests that `match` takes (None: all)."""
    if match is None or match == LimitMatch():
        first: Json = {"generic_key": {"descriptor_key": LIMIT, "descriptor_value": limit.name}}
    else:
        first = {"header_value_match": {"descriptor_key": LIMIT, "descriptor_value": limit.name, "headers": _headers(match)}}
    return [first, *(_by(kind, header) for kind, header in limit.by)]


def refusal_headers(document: RateLimit) -> list[Json]:
    """config.core.v3.HeaderValueOption. What looks like a format of Envoy's is text."""
    return [{"header": {"key": name, "value": value.replace("%", "%%")}} for name, value in document.headers]


def key(kind: CountedBy, header: str) -> str:
    """Key of the entry that holds the value by which is counted."""
    return kind.value if kind is CountedBy.CALLER else f"header:{header}"


def _by(kind: CountedBy, header: str) -> Json:
    if kind is CountedBy.HEADER:
        return {"request_headers": {"header_name": header, "descriptor_key": key(kind, header)}}
    expression = any_of(
        "envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor", descriptor_key=key(kind, header), text=_CALLER
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

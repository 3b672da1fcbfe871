"""RouteMatch: paths, methods, headers, query parameters."""

from __future__ import annotations

import re

from meshweb.core.envoy.values import Json
from meshweb.core.ir.routing import MatchKind, NamedMatch, RouteMatch, StringMatch

_HOST_TAIL = r"\.?(:[0-9]+)?"
"""What a Host header may carry behind the name: it is compared without trailing dot and port."""


def route_match(match: RouteMatch) -> Json:
    headers = [_header(item) for item in match.headers]
    if match.method is not None:
        headers.append({"name": ":method", "string_match": string_match(match.method)})
    if match.scheme is not None:
        headers.append({"name": ":scheme", "string_match": string_match(match.scheme)})
    if match.authority is not None:
        headers.append({"name": ":authority", "string_match": _authority(match.authority)})
    result: Json = {"headers": headers} if headers else {}
    if match.query:
        result["query_parameters"] = [_query(item) for item in match.query]
    if match.grpc:
        result["grpc"] = {}
    return result | _path(match.path)


def string_match(match: StringMatch) -> Json:
    """StringMatcher. PRESENT is any value that is not empty."""
    if match.kind is MatchKind.REGEX:
        return {"safe_regex": {"regex": match.value}}
    if match.kind is MatchKind.PRESENT:
        return {"safe_regex": {"regex": ".+"}}
    return {match.kind.value: match.value, **({"ignore_case": True} if match.ignore_case else {})}


def _path(path: StringMatch) -> Json:
    if path.kind is MatchKind.REGEX:
        return {"safe_regex": {"regex": path.value}}
    fold: Json = {"case_sensitive": {"value": False}} if path.ignore_case else {}
    if path.kind is MatchKind.EXACT:
        return {"path": path.value, **fold}
    if path.kind is MatchKind.PREFIX:
        return {"prefix": path.value, **fold}
    prefix = path.value.rstrip("/")
    return {"path_separated_prefix": prefix, **fold} if prefix else {"prefix": "/"}


def _header(item: NamedMatch) -> Json:
    if item.match.kind is MatchKind.PRESENT:
        return {"name": item.name, "present_match": True, **({"invert_match": True} if item.invert else {})}
    matcher: Json = {"name": item.name, "string_match": string_match(item.match)}
    if item.invert:
        # A header that is absent does not match what it must not match.
        matcher |= {"invert_match": True, "treat_missing_header_as_empty": True}
    return matcher


def _query(item: NamedMatch) -> Json:
    if item.match.kind is MatchKind.PRESENT:
        return {"name": item.name, "present_match": True}
    return {"name": item.name, "string_match": string_match(item.match)}


def _authority(match: StringMatch) -> Json:
    if match.kind is MatchKind.PREFIX:
        return {"prefix": match.value, "ignore_case": True}
    if match.kind is MatchKind.PRESENT:
        return string_match(match)
    pattern = match.value if match.kind is MatchKind.REGEX else re.escape(match.value.rstrip("."))
    return {"safe_regex": {"regex": f"(?i)(?:{pattern}){_HOST_TAIL}"}}

"""Which route wins: Gateway API's precedence ("HTTPRouteRule.matches"), written once for every kind that makes routes."""

from __future__ import annotations

from datetime import datetime

from meshweb.core.intent import Document
from meshweb.core.ir import MatchKind, RouteRule

_PATH_RANK = {MatchKind.EXACT: 0, MatchKind.REGEX: 1, MatchKind.PREFIX: 2}


def route_order(pair: tuple[Document, RouteRule]) -> tuple[int, int, bool, int, int, tuple[datetime, str, str]]:
    """Sort key, best match first: exact path, then (where the specification leaves the choice to us) regular expression, then the
    longest prefix; a method; more headers; more query parameters; the older route; namespace and name. Equal keys keep
    the order of rules inside their document."""
    document, rule = pair
    match = rule.match
    return (
        _PATH_RANK[match.path.kind],
        -len(match.path.value),
        not match.method,
        -len(match.headers),
        -len(match.query),
        document.age_order,
    )

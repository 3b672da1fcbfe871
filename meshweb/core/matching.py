"""Which route wins: one rule for every kind that makes routes (Gateway API, "HTTPRouteRule.matches").

The rules of one document keep the order its kind gives them: an HTTPRoute's by `specificity`, a VirtualService's as they are
written. Between documents the more specific next rule goes first, then that of the older document, then by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meshweb.core.ir.routing import ANY_PATH, MatchKind, RouteMatch, RouteRule, StringMatch

_PATH_RANK = {MatchKind.EXACT: 0, MatchKind.REGEX: 1, MatchKind.SEGMENTS: 2, MatchKind.PREFIX: 2, MatchKind.PRESENT: 3}

Specificity = tuple[int, int, bool, int, int]


def specificity(rule: RouteRule) -> Specificity:
    """Sort key, most specific first: exact path, then (where the specification leaves the choice to us) regular expression, then
    the longest prefix; a method; more headers (and scheme and authority, which are headers too); more query parameters."""
    match = rule.match
    headers = len(match.headers) + (match.authority is not None) + (match.scheme is not None)
    return (_PATH_RANK[match.path.kind], -len(match.path.value), match.method is None, -headers, -len(match.query))


def by_specificity(rules: Iterable[RouteRule]) -> tuple[RouteRule, ...]:
    """Equal ones keep their order."""
    return tuple(sorted(rules, key=specificity))


def merged(documents: Sequence[Sequence[RouteRule]]) -> tuple[RouteRule, ...]:
    """The rules of several documents (oldest first) in match order."""
    if len(documents) == 1:
        return tuple(documents[0])
    heads = [0] * len(documents)
    found: list[RouteRule] = []
    while True:
        open_ = [i for i, rules in enumerate(documents) if heads[i] < len(rules)]
        if not open_:
            return tuple(found)
        best = min(open_, key=lambda i: (specificity(documents[i][heads[i]]), i))
        found.append(documents[best][heads[best]])
        heads[best] += 1


def takes_all_of(match: RouteMatch, other: RouteMatch) -> bool:
    """Whether every request that `other` matches is certainly matched by `match` too (not complete: False may mean "unknown")."""
    if match == other:
        return True
    plain = RouteMatch(path=match.path)
    if match != plain:
        return False
    return match.path == ANY_PATH or _is_root(match.path) or _prefix_covers(match.path, other.path)


def _is_root(path: StringMatch) -> bool:
    return path.kind is MatchKind.PREFIX and path.value == "/"


def _prefix_covers(path: StringMatch, other: StringMatch) -> bool:
    if other.kind not in {MatchKind.EXACT, MatchKind.PREFIX, MatchKind.SEGMENTS} or other.ignore_case or path.ignore_case:
        return False
    if path.kind is MatchKind.PREFIX:
        return other.value.startswith(path.value)
    if path.kind is MatchKind.SEGMENTS and other.kind is not MatchKind.PREFIX:
        prefix = path.value.rstrip("/")
        return other.value == prefix or other.value.startswith(prefix + "/")
    return False


def shadowed(rules: Sequence[RouteRule]) -> list[tuple[RouteRule, RouteRule]]:
    """(loser, winner) of rules in match order that can never match because one of another document takes their requests first.
    Rules for some callers only neither win nor lose here."""
    found = []
    for index, rule in enumerate(rules):
        for earlier in rules[:index]:
            if earlier.origin is None or rule.origin is None or earlier.origin.document == rule.origin.document:
                continue
            if earlier.callers == rule.callers and takes_all_of(earlier.match, rule.match):
                found.append((rule, earlier))
                break
    return found

"""What the types of HTTPRoute cannot say (the CEL rules of Gateway API, and RE2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from meshweb.core.errors import Violation, pointer, under
from meshweb.kinds import regex
from meshweb.kinds.base import Metadata
from meshweb.kinds.durations import milliseconds
from meshweb.kinds.http_route.spec import (
    BackendFilter,
    HeaderMatch,
    HeaderModifier,
    HTTPRouteSpec,
    Match,
    PathModifier,
    QueryParamMatch,
    Rule,
    RuleFilter,
)

_FILTER_FIELDS = {
    "RequestHeaderModifier": ("request_header_modifier", "requestHeaderModifier"),
    "ResponseHeaderModifier": ("response_header_modifier", "responseHeaderModifier"),
    "RequestRedirect": ("request_redirect", "requestRedirect"),
    "URLRewrite": ("url_rewrite", "urlRewrite"),
    "RequestMirror": ("request_mirror", "requestMirror"),
}
_RESERVED_HEADERS = ("host", ":", "connection", "transfer-encoding", "content-length", "upgrade", "keep-alive")
_RESERVED_PREFIXES = ("x-envoy-", "x-forwarded-client-cert")


def check(metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, HTTPRouteSpec)
    for index, parent in enumerate(spec.parent_refs):
        if parent.namespace is not None and parent.namespace != metadata.namespace:
            words = "must be the route's own namespace: consumer routes are not supported yet"
            yield Violation(pointer("spec", "parentRefs", index, "namespace"), "unsupported", words)
    if len({(p.name, p.port) for p in spec.parent_refs}) < len(spec.parent_refs):
        yield Violation("/spec/parentRefs", "duplicate", "must name each service port once")
    for index, rule in enumerate(spec.rules):
        yield from under(("spec", "rules", index), _rule(rule))


def _rule(rule: Rule) -> Iterator[Violation]:
    for index, match in enumerate(rule.matches):
        yield from under(("matches", index), _match(match))
    kinds = [item.type for item in rule.filters]
    for index, item in enumerate(rule.filters):
        yield from under(("filters", index), _filter(item))
        if item.type != "RequestMirror" and kinds.index(item.type) != index:
            yield Violation(pointer("filters", index, "type"), "duplicate", f"{item.type} may be given once per rule")
        if item.type in {"RequestRedirect", "URLRewrite"} and _replaces_prefix(item) and not _only_prefixes(rule):
            at = pointer("filters", index, _FILTER_FIELDS[item.type][1], "path", "type")
            yield Violation(at, "needs_prefix", "ReplacePrefixMatch needs a PathPrefix in every match of the rule")
    if "RequestRedirect" in kinds:
        if "URLRewrite" in kinds:
            yield Violation("/filters", "conflict", "RequestRedirect and URLRewrite exclude each other")
        if rule.backend_refs:
            yield Violation("/backendRefs", "conflict", "must be empty beside RequestRedirect: nothing is forwarded")
    for index, backend in enumerate(rule.backend_refs):
        seen: set[str] = set()
        for f, own in enumerate(backend.filters):
            yield from under(("backendRefs", index, "filters", f), _filter(own))
            if own.type in seen:
                at = pointer("backendRefs", index, "filters", f, "type")
                yield Violation(at, "duplicate", f"{own.type} may be given once per backend")
            seen.add(own.type)
    yield from _timeouts(rule)


def _match(match: Match) -> Iterator[Violation]:
    path = match.path
    if path.type == "RegularExpression":
        yield from _regex(path.value, "/path/value")
    elif problem := _path_problem(path.value):
        yield Violation("/path/value", "path", problem)
    named: tuple[tuple[str, tuple[HeaderMatch | QueryParamMatch, ...]], ...] = (
        ("headers", match.headers),
        ("queryParams", match.query_params),
    )
    for name, items in named:
        seen: set[str] = set()
        for index, item in enumerate(items):
            key = item.name.lower() if name == "headers" else item.name
            if key in seen:
                yield Violation(pointer(name, index, "name"), "duplicate", f"{item.name!r} is matched twice")
            seen.add(key)
            if item.type == "RegularExpression":
                yield from _regex(item.value, pointer(name, index, "value"))


def _regex(pattern: str, at: str) -> Iterator[Violation]:
    if problem := regex.problem(pattern):
        yield Violation(at, "regex", problem)


def _path_problem(path: str) -> str | None:
    """Gateway API's rules for Exact and PathPrefix values; such a path could never match a normalized one."""
    if not path.startswith("/"):
        return "must begin with '/'"
    if any(part in path for part in ("//", "/./", "/../", "%2f", "%2F", "#", "?")) or path.endswith(("/..", "/.")):
        return "must be normalized: no '//', '/./', '/../', '%2f', '#' or '?'"
    if not path.isascii() or any(ord(c) <= 0x20 or ord(c) == 0x7F for c in path):
        return "must hold printable ASCII only"
    return None


def _filter(item: RuleFilter | BackendFilter) -> Iterator[Violation]:
    attribute, field = _FILTER_FIELDS[item.type]
    if getattr(item, attribute) is None:
        yield Violation(f"/{field}", "required", f"must be set for type {item.type}")
    for other, (other_attribute, other_field) in _FILTER_FIELDS.items():
        if other != item.type and getattr(item, other_attribute, None) is not None:
            yield Violation(f"/{other_field}", "conflict", f"must not be set for type {item.type}")
    for part in (attribute,):
        value = getattr(item, part)
        if isinstance(value, HeaderModifier):
            yield from under((field,), _headers(value))
    if isinstance(item, RuleFilter):
        for holder, name in ((item.request_redirect, "requestRedirect"), (item.url_rewrite, "urlRewrite")):
            if holder is not None and holder.path is not None:
                yield from under((name, "path"), _path_modifier(holder.path))


def _headers(change: HeaderModifier) -> Iterator[Violation]:
    seen: set[str] = set()
    named = [("set", i, h.name) for i, h in enumerate(change.set)] + [("add", i, h.name) for i, h in enumerate(change.add)]
    for field, index, name in [*named, *(("remove", i, n) for i, n in enumerate(change.remove))]:
        at = pointer(field, index) if field == "remove" else pointer(field, index, "name")
        lower = name.lower()
        if lower in _RESERVED_HEADERS or lower.startswith(_RESERVED_PREFIXES):
            yield Violation(at, "reserved", f"{name} belongs to the proxy and cannot be changed by a route")
        if lower in seen:
            yield Violation(at, "duplicate", f"{name} is changed twice")
        seen.add(lower)


def _path_modifier(path: PathModifier) -> Iterator[Violation]:
    wanted, other = ("replaceFullPath", "replacePrefixMatch")
    value, stray = path.replace_full_path, path.replace_prefix_match
    if path.type == "ReplacePrefixMatch":
        wanted, other, value, stray = other, wanted, stray, value
    if value is None:
        yield Violation(f"/{wanted}", "required", f"must be set for type {path.type}")
    elif problem := (_path_problem(value) if value or wanted == "replaceFullPath" else None):
        yield Violation(f"/{wanted}", "path", problem)
    if stray is not None:
        yield Violation(f"/{other}", "conflict", f"must not be set for type {path.type}")


def _replaces_prefix(item: RuleFilter) -> bool:
    holder = item.request_redirect or item.url_rewrite
    return holder is not None and holder.path is not None and holder.path.type == "ReplacePrefixMatch"


def _only_prefixes(rule: Rule) -> bool:
    return all(match.path.type == "PathPrefix" for match in rule.matches)


def _timeouts(rule: Rule) -> Iterator[Violation]:
    if rule.timeouts is None or rule.timeouts.request is None or rule.timeouts.backend_request is None:
        return
    request, backend = milliseconds(rule.timeouts.request), milliseconds(rule.timeouts.backend_request)
    if request and (not backend or backend > request):
        yield Violation("/timeouts/backendRequest", "range", "must not be longer than timeouts.request")

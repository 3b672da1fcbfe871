"""What the types of Gateway API's routes cannot say: its CEL rules, RE2, and the headers that belong to the proxy.

Generators of violations whose pointers begin at the part that is given; callers put them `under` its place.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

from meshweb.core.errors import Violation, pointer, under
from meshweb.kinds.common.gateway_api import (
    GATEWAY_GROUP,
    BackendFilter,
    BackendRef,
    Cors,
    GrpcRuleFilter,
    HeaderMatch,
    HeaderModifier,
    ParentRef,
    PathModifier,
    RequestMirror,
    Retry,
    RuleFilter,
    SessionPersistence,
    Timeouts,
)
from meshweb.kinds.common.http import is_reserved_header, path_problem, regex_violations
from meshweb.kinds.durations import milliseconds

AnyFilter = BackendFilter | GrpcRuleFilter | RuleFilter

MAX_MATCHES = 128
"""Of a route, over all its rules (CEL rule of HTTPRoute and GRPCRoute)."""

FILTER_FIELDS: Mapping[str, tuple[str, str]] = {
    "RequestHeaderModifier": ("request_header_modifier", "requestHeaderModifier"),
    "ResponseHeaderModifier": ("response_header_modifier", "responseHeaderModifier"),
    "RequestRedirect": ("request_redirect", "requestRedirect"),
    "URLRewrite": ("url_rewrite", "urlRewrite"),
    "RequestMirror": ("request_mirror", "requestMirror"),
    "CORS": ("cors", "cors"),
}
"""Type of a filter -> the field that holds its settings, in Python and in documents."""


def parent_refs(namespace: str, parents: Sequence[ParentRef]) -> Iterator[Violation]:
    """`namespace`: the route's own, which is meant where a parentRef names none. Pointers begin at the list."""
    places: dict[Hashable, list[tuple[object, object]]] = {}
    for index, parent in enumerate(parents):
        wanted = "" if parent.kind == "Service" else GATEWAY_GROUP
        if parent.group != wanted:
            yield Violation(pointer(index, "group"), "conflict", f"must be {wanted!r} for kind {parent.kind}")
        section = (parent.section_name, parent.port)
        seen = places.setdefault((parent.kind, parent.namespace or namespace, parent.name), [])
        if section in seen:
            yield Violation(pointer(index), "duplicate", f"{parent.kind} {parent.name} is named twice for the same section")
        elif seen and (section == (None, None) or (None, None) in seen):
            words = f"{parent.kind} {parent.name} is named more than once: each time with its own sectionName or port, or once without"
            yield Violation(pointer(index), "conflict", words)
        seen.append(section)


def hostnames(names: Sequence[str], parents: Sequence[ParentRef]) -> Iterator[Violation]:
    """Pointers begin at the list."""
    yield from duplicates(names)
    if names and not any(parent.kind == "Gateway" for parent in parents):
        yield Violation(
            "", "conflict", "chooses requests at a Gateway; calls to a Service are chosen by the service's own names"
        )


def duplicates(values: Iterable[Hashable]) -> Iterator[Violation]:
    """Pointers begin at the list."""
    seen: set[Hashable] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield Violation(pointer(index), "duplicate", f"{value} is given twice")
        seen.add(value)


def rules_together(names: Sequence[str | None], matches: Sequence[int]) -> Iterator[Violation]:
    """The rules of one route: their names, and how many matches each has. Pointers begin at the list."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name is not None and name in seen:
            yield Violation(pointer(index, "name"), "duplicate", f"rule name {name!r} is given twice")
        elif name is not None:
            seen.add(name)
    if sum(matches) > MAX_MATCHES:
        yield Violation("", "range", f"may have {MAX_MATCHES} matches over all rules, not {sum(matches)}")


def header_matches(items: Sequence[HeaderMatch]) -> Iterator[Violation]:
    """Pointers begin at the list."""
    seen: set[str] = set()
    for index, item in enumerate(items):
        if item.name.lower() in seen:
            yield Violation(pointer(index, "name"), "duplicate", f"{item.name!r} is matched twice")
        seen.add(item.name.lower())
        if item.type == "RegularExpression":
            yield from regex_violations(item.value, pointer(index, "value"))


def rule_filters(items: Sequence[RuleFilter | GrpcRuleFilter]) -> Iterator[Violation]:
    """Pointers begin at the list. RequestMirror alone may be repeated."""
    yield from _filters(items, "rule", repeatable=("RequestMirror",))


def backends(items: Sequence[BackendRef]) -> Iterator[Violation]:
    """Pointers begin at the list."""
    for index, backend in enumerate(items):
        yield from under((index, "filters"), _filters(backend.filters, "backend"))


def _filters(items: Sequence[AnyFilter], owner: str, repeatable: tuple[str, ...] = ()) -> Iterator[Violation]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        yield from under((index,), _filter(item))
        if item.type in seen and item.type not in repeatable:
            yield Violation(pointer(index, "type"), "duplicate", f"{item.type} may be given once per {owner}")
        seen.add(item.type)


def _filter(item: AnyFilter) -> Iterator[Violation]:
    for name, (attribute, field) in FILTER_FIELDS.items():
        value = getattr(item, attribute, None)
        if name == item.type and value is None:
            yield Violation(f"/{field}", "required", f"must be set for type {item.type}")
        elif name != item.type and value is not None:
            yield Violation(f"/{field}", "conflict", f"must not be set for type {item.type}")
    for field, modifier in (
        ("requestHeaderModifier", item.request_header_modifier),
        ("responseHeaderModifier", item.response_header_modifier),
    ):
        if modifier is not None:
            yield from under((field,), _headers(modifier))
    if not isinstance(item, BackendFilter) and item.request_mirror is not None:
        yield from under(("requestMirror",), _mirror(item.request_mirror))
    if isinstance(item, RuleFilter):
        for name, holder in (("requestRedirect", item.request_redirect), ("urlRewrite", item.url_rewrite)):
            if holder is not None and holder.path is not None:
                yield from under((name, "path"), _path_modifier(holder.path))
        if item.cors is not None:
            yield from under(("cors",), _cors(item.cors))


def _headers(change: HeaderModifier) -> Iterator[Violation]:
    seen: set[str] = set()
    named = [("set", i, h.name) for i, h in enumerate(change.set)] + [("add", i, h.name) for i, h in enumerate(change.add)]
    for field, index, name in [*named, *(("remove", i, n) for i, n in enumerate(change.remove))]:
        at = pointer(field, index) if field == "remove" else pointer(field, index, "name")
        if is_reserved_header(name):
            yield Violation(at, "reserved", f"{name} belongs to the proxy and cannot be changed by a route")
        if name.lower() in seen:
            yield Violation(at, "duplicate", f"{name} is changed twice")
        seen.add(name.lower())


def _path_modifier(path: PathModifier) -> Iterator[Violation]:
    wanted, other = ("replaceFullPath", "replacePrefixMatch")
    value, stray = path.replace_full_path, path.replace_prefix_match
    if path.type == "ReplacePrefixMatch":
        wanted, other, value, stray = other, wanted, stray, value
    if value is None:
        yield Violation(f"/{wanted}", "required", f"must be set for type {path.type}")
    elif problem := (path_problem(value) if value or wanted == "replaceFullPath" else None):
        yield Violation(f"/{wanted}", "path", problem)
    if stray is not None:
        yield Violation(f"/{other}", "conflict", f"must not be set for type {path.type}")


def _mirror(mirror: RequestMirror) -> Iterator[Violation]:
    if mirror.percent is not None and mirror.fraction is not None:
        yield Violation("", "one_of", "set percent or fraction, not both")
    if mirror.fraction is not None and mirror.fraction.numerator > mirror.fraction.denominator:
        yield Violation("/fraction/numerator", "range", "must not be greater than the denominator")


def _cors(cors: Cors) -> Iterator[Violation]:
    lists = {
        "allowOrigins": cors.allow_origins,
        "allowMethods": cors.allow_methods,
        "allowHeaders": tuple(name.lower() for name in cors.allow_headers),
        "exposeHeaders": tuple(name.lower() for name in cors.expose_headers),
    }
    for field, values in lists.items():
        yield from under((field,), duplicates(values))
        if field != "exposeHeaders" and "*" in values and len(values) > 1:
            yield Violation(f"/{field}", "conflict", "'*' covers everything and must stand alone")


def timeouts(given: Timeouts | None) -> Iterator[Violation]:
    if given is None or given.request is None or given.backend_request is None:
        return
    request, backend = milliseconds(given.request), milliseconds(given.backend_request)
    if request and (not backend or backend > request):
        yield Violation("/backendRequest", "range", "must not be longer than timeouts.request")


def retry(given: Retry | None) -> Iterator[Violation]:
    if given is None:
        return
    yield from under(("codes",), duplicates(given.codes))
    if given.backoff is not None and milliseconds(given.backoff) == 0:
        yield Violation("/backoff", "range", "must be longer than 0: it is the time between two tries")


def session_persistence(given: SessionPersistence | None) -> Iterator[Violation]:
    if given is None or given.cookie_config is None:
        return
    if given.type != "Cookie":
        yield Violation("/cookieConfig", "conflict", f"must not be set for type {given.type}")
    elif given.cookie_config.lifetime_type == "Permanent" and given.absolute_timeout is None:
        yield Violation("/absoluteTimeout", "required", "must be set for a cookie whose lifetimeType is Permanent")

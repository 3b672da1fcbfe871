"""What the types of VirtualService cannot say (Istio's own validation, and what the proxies of this mesh could not honour)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from meshweb.core.errors import Violation, pointer, under
from meshweb.kinds.base import Metadata
from meshweb.kinds.common.http import path_problem
from meshweb.kinds.common.istio import export_to, header_changes, is_covered, unique
from meshweb.kinds.virtual_service.actions import action
from meshweb.kinds.virtual_service.spec import HttpMatch, HttpRoute, L4Match, TlsRoute, VirtualServiceSpec

_IGNORED_HEADERS = ("uri", "scheme", "method", "authority")
"""Keys of `headers` that Istio passes over without a word."""


def check(_metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, VirtualServiceSpec)
    yield from under(("spec",), _whole(spec))
    for index, route in enumerate(spec.http):
        yield from under(("spec", "http", index), _http(route, is_delegate=not spec.hosts))
    for index, tls in enumerate(spec.tls):
        yield from under(("spec", "tls", index), _tls(tls, frozenset(spec.hosts)))
        yield from under(("spec", "tls", index), _subnets(tls.match))
    for index, tcp in enumerate(spec.tcp):
        yield from under(("spec", "tcp", index), _subnets(tcp.match))


def _whole(spec: VirtualServiceSpec) -> Iterator[Violation]:
    if not spec.http and not spec.tls and not spec.tcp:
        yield Violation("", "required", "must have a route in http, tls or tcp")
    yield from unique("hosts", spec.hosts)
    yield from unique("gateways", spec.gateways)
    yield from under(("exportTo",), export_to(spec.export_to))
    if not spec.hosts:
        for name, given in (("gateways", spec.gateways), ("tls", spec.tls), ("tcp", spec.tcp)):
            if given:
                yield Violation(
                    f"/{name}", "conflict", "must be empty without hosts: a delegate is part of another's http routes"
                )
    elif "*" in spec.hosts and (not spec.gateways or "mesh" in spec.gateways):
        at = pointer("hosts", spec.hosts.index("*"))
        yield Violation(at, "conflict", "'*' is for gateways alone: in the mesh it would take the calls to every service")


def _http(route: HttpRoute, *, is_delegate: bool) -> Iterator[Violation]:
    if is_delegate and route.delegate is not None:
        yield Violation("/delegate", "conflict", "must not be set in a VirtualService without hosts: delegates have one level")
    for index, match in enumerate(route.match):
        yield from under(("match", index), _match(match))
        if is_delegate or route.delegate is not None:
            yield from under(("match", index), _without_regex(match))
    yield from under(("headers",), header_changes(route.headers))
    for index, item in enumerate(route.route):
        yield from under(("route", index, "headers"), header_changes(item.headers))
    yield from action(route)


def _match(match: HttpMatch) -> Iterator[Violation]:
    if match.uri is not None:
        for name in ("exact", "prefix"):
            value = match.uri.given().get(name)
            if value is not None and (problem := path_problem(value)):
                yield Violation(f"/uri/{name}", "path", problem)
        if match.ignore_uri_case and match.uri.regex is not None:
            yield Violation("/ignoreUriCase", "conflict", "works on exact and prefix; begin the expression with (?i) instead")
    elif match.ignore_uri_case:
        yield Violation("/ignoreUriCase", "conflict", "needs a uri whose case it could ignore")
    for field, headers in (("headers", match.headers), ("withoutHeaders", match.without_headers)):
        seen: set[str] = set()
        for name in headers:
            if name.lower() in _IGNORED_HEADERS:
                yield Violation(
                    pointer(field, name), "reserved", f"must be matched by the field {name.lower()}, not as a header"
                )
            elif name.lower() in seen:
                yield Violation(pointer(field, name), "duplicate", f"{name} is matched twice")
            seen.add(name.lower())


def _without_regex(match: HttpMatch) -> Iterator[Violation]:
    """Istio: whether a delegate's match lies within its root's can be told of exact and prefix only."""
    words = "must not be used where routes are delegated"
    for field in ("uri", "scheme", "method", "authority"):
        value = getattr(match, field)
        if value is not None and value.regex is not None:
            yield Violation(f"/{field}/regex", "conflict", words)
    groups = {"headers": match.headers, "withoutHeaders": match.without_headers, "queryParams": match.query_params}
    for field, values in groups.items():
        for name, value in values.items():
            if value.regex is not None:
                yield Violation(pointer(field, name, "regex"), "conflict", words)


def _subnets(matches: Sequence[L4Match]) -> Iterator[Violation]:
    for index, match in enumerate(matches):
        if match.destination_subnets:
            words = "a caller dials its sidecar's address for a service, which lies in no network of the destination"
            yield Violation(pointer("match", index, "destinationSubnets"), "unsupported", words)


def _tls(route: TlsRoute, hosts: frozenset[str]) -> Iterator[Violation]:
    for m, match in enumerate(route.match):
        for s, sni in enumerate(match.sni_hosts):
            if hosts and not is_covered(sni, hosts):
                yield Violation(pointer("match", m, "sniHosts", s), "host", "must lie within the hosts of the VirtualService")

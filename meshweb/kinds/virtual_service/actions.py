"""What the types of one HTTP route cannot say about what is done with a request that it matched."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

import re2

from meshweb.core.errors import Violation, pointer, under
from meshweb.kinds.common.http import path_problem
from meshweb.kinds.common.istio import Percent, istio_milliseconds
from meshweb.kinds.virtual_service.spec import (
    Abort,
    CorsPolicy,
    DirectResponse,
    Fault,
    HttpRoute,
    Redirect,
    RegexRewrite,
    Retries,
    Rewrite,
)

_RETRY_ON = frozenset(
    (
        *("5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "envoy-ratelimited", "retriable-4xx"),
        *("refused-stream", "retriable-status-codes", "retriable-headers", "http3-post-connect-failure"),
        *("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"),
    )
)
"""Envoy's `retry_on` and `retry_grpc_on`."""


def action(route: HttpRoute) -> Iterator[Violation]:
    """Pointers begin at the route."""
    given = [
        name
        for name, value in (
            ("route", route.route),
            ("redirect", route.redirect),
            ("directResponse", route.direct_response),
            ("delegate", route.delegate),
        )
        if value
    ]
    if len(given) != 1:
        yield Violation("", "one_of", f"set exactly one of route, redirect, directResponse and delegate{_found(given)}")
    if given and given[0] in {"redirect", "directResponse"} and len(given) == 1:
        for name in ("rewrite", "fault", "mirror", "mirrors"):
            if getattr(route, name):
                yield Violation(f"/{name}", "conflict", f"must not be set beside {given[0]}: nothing is forwarded")
    if route.redirect is not None:
        yield from under(("redirect",), _redirect(route.redirect))
    if route.direct_response is not None:
        yield from under(("directResponse",), _direct_response(route.direct_response))
    if route.rewrite is not None:
        yield from under(("rewrite",), _rewrite(route.rewrite))
    if route.retries is not None:
        yield from under(("retries",), _retries(route.retries))
    if route.fault is not None:
        yield from under(("fault",), _fault(route.fault))
    if route.cors_policy is not None:
        yield from under(("corsPolicy",), _cors(route.cors_policy))
    yield from _mirrors(route)


def _found(given: list[str]) -> str:
    return f"; here are {' and '.join(given)}" if given else ""


def _redirect(redirect: Redirect) -> Iterator[Violation]:
    if redirect.uri is not None and redirect.prefix_rewrite is not None:
        yield Violation("", "one_of", "set uri or prefixRewrite, not both")
    if redirect.port is not None and redirect.derive_port is not None:
        yield Violation("", "one_of", "set port or derivePort, not both")
    parts = (redirect.uri, redirect.prefix_rewrite, redirect.authority, redirect.port, redirect.derive_port, redirect.scheme)
    if all(part is None for part in parts):
        yield Violation("", "required", "must change something: uri, prefixRewrite, authority, port, derivePort or scheme")


def _direct_response(response: DirectResponse) -> Iterator[Violation]:
    if response.body is None:
        return
    if (response.body.string is None) == (response.body.bytes is None):
        yield Violation("/body", "one_of", "set exactly one of string and bytes")
    if response.body.bytes is not None:
        try:
            base64.b64decode(response.body.bytes, validate=True)
        except binascii.Error:
            yield Violation("/body/bytes", "base64", "must be base64 (RFC 4648)")


def _rewrite(rewrite: Rewrite) -> Iterator[Violation]:
    if rewrite.uri is None and rewrite.authority is None and rewrite.uri_regex_rewrite is None:
        yield Violation("", "required", "must set uri, uriRegexRewrite or authority")
    if rewrite.uri is not None and rewrite.uri_regex_rewrite is not None:
        yield Violation("", "one_of", "set uri or uriRegexRewrite, not both")
    if rewrite.uri is not None and (problem := path_problem(rewrite.uri)):
        yield Violation("/uri", "path", problem)
    if rewrite.uri_regex_rewrite is not None and (problem := _substitution_problem(rewrite.uri_regex_rewrite)):
        yield Violation("/uriRegexRewrite/rewrite", "regex", problem)


def _substitution_problem(rewrite: RegexRewrite) -> str | None:
    """Why RE2 would refuse the replacement."""
    groups = re2.compile(rewrite.match).groups
    text = rewrite.rewrite.replace("\\\\", "")
    for after in re.findall(r"\\(.?)", text):
        if not after or after not in "0123456789":
            return "may hold \\0 to \\9 for groups and \\\\ for a backslash; a backslash before anything else means nothing"
        if int(after) > groups:
            return f"\\{after} is not there: the expression has {groups} groups"
    return None


def _retries(retries: Retries) -> Iterator[Violation]:
    if retries.attempts == 0 and (retries.retry_on or retries.per_try_timeout):
        yield Violation(
            "/attempts", "conflict", "0 turns retries off: leave retryOn and perTryTimeout out, or allow an attempt"
        )
    for word in (part.strip() for part in (retries.retry_on or "").split(",")):
        if not word or word in _RETRY_ON or (word.isascii() and word.isdigit() and 100 <= int(word) <= 599):
            continue
        yield Violation("/retryOn", "enum", f"{word!r} must be a status code or one of {', '.join(sorted(_RETRY_ON))}")


def _fault(fault: Fault) -> Iterator[Violation]:
    if fault.delay is None and fault.abort is None:
        yield Violation("", "required", "must set delay or abort")
    if fault.delay is not None:
        yield from under(("delay",), _percentages(fault.delay.percentage, fault.delay.percent))
    if fault.abort is not None:
        yield from under(("abort",), _abort(fault.abort))


def _abort(abort: Abort) -> Iterator[Violation]:
    if (abort.http_status is None) == (abort.grpc_status is None):
        yield Violation("", "one_of", "set exactly one of httpStatus and grpcStatus")
    yield from _percentages(abort.percentage, abort.percent)


def _percentages(percentage: Percent | None, percent: int | None) -> Iterator[Violation]:
    if percentage is not None and percent is not None:
        yield Violation("/percent", "conflict", "is the old spelling of percentage: set one of them")


def _cors(cors: CorsPolicy) -> Iterator[Violation]:
    if cors.allow_origins and cors.allow_origin:
        yield Violation("/allowOrigin", "conflict", "is the old spelling of allowOrigins: set one of them")
    if cors.max_age is not None and istio_milliseconds(cors.max_age) % 1000:
        yield Violation("/maxAge", "duration", "must be whole seconds: the header that carries it knows no less")


def _mirrors(route: HttpRoute) -> Iterator[Violation]:
    if route.mirror is not None and route.mirrors:
        yield Violation("/mirrors", "conflict", "set mirror or mirrors, not both")
    if route.mirror_percent is not None and route.mirror_percentage is not None:
        yield Violation("/mirrorPercent", "conflict", "is the old spelling of mirrorPercentage: set one of them")
    if route.mirror is None:
        for name, value in (("mirrorPercent", route.mirror_percent), ("mirrorPercentage", route.mirror_percentage)):
            if value is not None:
                yield Violation(pointer(name), "conflict", "belongs to mirror; each of mirrors has its own percentage")

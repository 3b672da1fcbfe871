"""One HTTP route of a VirtualService as rules: one per match."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable

from meshweb.core.intent import DocumentKey
from meshweb.core.ir.routing import (
    ANY_PATH,
    DEFAULT_RETRY,
    NO_CHANGE,
    Backend,
    Callers,
    Cors,
    Destination,
    DirectResponse,
    Fault,
    HeaderChange,
    MatchKind,
    Mirror,
    NamedMatch,
    Origin,
    Redirect,
    Retry,
    Rewrite,
    RouteMatch,
    RouteRule,
    StringMatch,
    named,
)
from meshweb.kinds.common import istio
from meshweb.kinds.common.istio import istio_milliseconds
from meshweb.kinds.virtual_service import spec as parts

_MILLION = 1_000_000
_UNAVAILABLE = 503
_GRPC_STATUS = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)
"""By number (gRPC, "Status codes")."""

Resolve = Callable[[istio.Destination], Destination | None]


def rule_of(route: parts.HttpRoute, match: parts.HttpMatch, resolve: Resolve, document: DocumentKey, pointer: str) -> RouteRule:
    rewrite = _rewrite(route.rewrite)
    return RouteRule(
        match=_match(match, text_prefix=rewrite is not None and rewrite.prefix is not None),
        backends=_backends(route.route, resolve),
        request_headers=header_change(route.headers.request if route.headers else None),
        response_headers=header_change(route.headers.response if route.headers else None),
        redirect=_redirect(route.redirect),
        response=_response(route.direct_response),
        rewrite=rewrite,
        mirrors=_mirrors(route, resolve),
        request_timeout=istio_milliseconds(route.timeout) if route.timeout is not None else 0,
        retry=_retry(route.retries),
        fault=_fault(route.fault),
        cors=_cors(route.cors_policy),
        name=".".join(part for part in (route.name, match.name) if part),
        stat=match.stat_prefix or "",
        missing_status=_UNAVAILABLE,
        callers=Callers(match.source_namespace or "", frozenset(match.source_labels.items())),
        origin=Origin(document, pointer, _said(route, pointer)),
    )


def _said(route: parts.HttpRoute, at: str) -> tuple[tuple[str, str], ...]:
    """Settings that a route names, with their pointers. A delegate's may come from the route that leads to it."""
    tries = route.retries
    found = {
        "timeout": f"{at}/timeout" if route.timeout is not None else None,
        "tryTimeout": f"{at}/retries/perTryTimeout" if tries is not None and tries.per_try_timeout is not None else None,
        "retries": f"{at}/retries" if tries is not None else None,
        "fault": f"{at}/fault" if route.fault is not None else None,
        "mirror": f"{at}/{'mirror' if route.mirror is not None else 'mirrors'}" if route.mirror or route.mirrors else None,
    }
    return tuple((name, place) for name, place in found.items() if place is not None)


# --- matches --------------------------------------------------------------------------------------------------------


def _match(match: parts.HttpMatch, *, text_prefix: bool) -> RouteMatch:
    """text_prefix: where the prefix is rewritten, that of "every path" is the one character `/` (Istio)."""
    path = ANY_PATH if not text_prefix else StringMatch(MatchKind.PREFIX, "/")
    if match.uri is not None:
        path = _string(match.uri, ignore_case=match.ignore_uri_case)
        if path == StringMatch(MatchKind.PREFIX, "/") and not text_prefix:
            path = ANY_PATH
    headers = [NamedMatch(name.lower(), _string(value)) for name, value in match.headers.items()]
    headers += [NamedMatch(name.lower(), _string(value), invert=True) for name, value in match.without_headers.items()]
    return RouteMatch(
        path=path,
        method=_maybe(match.method),
        headers=named(headers),
        query=named(NamedMatch(name, _string(value)) for name, value in match.query_params.items()),
        authority=_maybe(match.authority),
        scheme=_maybe(match.scheme),
    )


def _maybe(match: istio.StringMatch | None) -> StringMatch | None:
    return None if match is None else _string(match)


def _string(match: istio.MaybeStringMatch, *, ignore_case: bool = False) -> StringMatch:
    if match.exact is not None:
        return StringMatch(MatchKind.EXACT, match.exact, ignore_case)
    if match.prefix is not None:
        return StringMatch(MatchKind.PREFIX, match.prefix, ignore_case)
    return StringMatch(MatchKind.PRESENT) if match.regex is None else StringMatch(MatchKind.REGEX, match.regex)


# --- actions --------------------------------------------------------------------------------------------------------


def _backends(route: Iterable[parts.HttpDestination], resolve: Resolve) -> tuple[Backend, ...]:
    items = tuple(route)
    return tuple(
        Backend(
            to=resolve(item.destination),
            # A single destination takes everything, whatever its weight.
            weight=item.weight if len(items) > 1 else 1,
            request_headers=header_change(item.headers.request if item.headers else None),
            response_headers=header_change(item.headers.response if item.headers else None),
        )
        for item in items
    )


def header_change(change: istio.HeaderOperations | None) -> HeaderChange:
    if change is None:
        return NO_CHANGE
    return HeaderChange(tuple(change.set.items()), tuple(change.add.items()), change.remove)


def _redirect(redirect: parts.Redirect | None) -> Redirect | None:
    if redirect is None:
        return None
    host, _, port_text = (redirect.authority or "").partition(":")
    port = redirect.port if redirect.port is not None else int(port_text) if port_text else None
    return Redirect(
        scheme=redirect.scheme or "",
        host=host,
        port=port,
        full_path=redirect.uri,
        prefix=redirect.prefix_rewrite,
        status=redirect.redirect_code,
        from_listener=redirect.derive_port == "FROM_REQUEST_PORT",
        usual_port=redirect.derive_port == "FROM_PROTOCOL_DEFAULT",
    )


def _response(response: parts.DirectResponse | None) -> DirectResponse | None:
    if response is None:
        return None
    body = response.body
    if body is None:
        return DirectResponse(response.status)
    content = (body.string or "").encode() if body.bytes is None else base64.b64decode(body.bytes)
    return DirectResponse(response.status, content)


def _rewrite(rewrite: parts.Rewrite | None) -> Rewrite | None:
    if rewrite is None:
        return None
    regex = rewrite.uri_regex_rewrite
    return Rewrite(
        host=rewrite.authority or "", prefix=rewrite.uri, regex=(regex.match, regex.rewrite) if regex is not None else None
    )


def _mirrors(route: parts.HttpRoute, resolve: Resolve) -> tuple[Mirror, ...]:
    wanted = [(item.destination, _parts(item.percentage, None, _MILLION)) for item in route.mirrors]
    if route.mirror is not None:
        wanted.append((route.mirror, _parts(route.mirror_percentage, route.mirror_percent, _MILLION)))
    found = ((resolve(destination), share) for destination, share in wanted)
    return tuple(Mirror(to, share) for to, share in found if to is not None)


def _parts(percentage: istio.Percent | None, percent: int | None, unset: int) -> int:
    """Parts of a million; `percent` is the old spelling."""
    if percentage is not None:
        return round(percentage.value * _MILLION / 100)
    return unset if percent is None else percent * _MILLION // 100


def _retry(retries: parts.Retries | None) -> Retry:
    if retries is None:
        return DEFAULT_RETRY
    words = [word for word in (part.strip() for part in (retries.retry_on or "").split(",")) if word]
    codes = tuple(sorted({int(word) for word in words if word.isdigit()}))
    on = tuple(word for word in words if not word.isdigit() and word != "retriable-status-codes")
    return Retry(
        attempts=retries.attempts,
        on=on if words else DEFAULT_RETRY.on,
        codes=codes,
        try_timeout=istio_milliseconds(retries.per_try_timeout) if retries.per_try_timeout is not None else 0,
        backoff=istio_milliseconds(retries.backoff) if retries.backoff is not None else DEFAULT_RETRY.backoff,
        ignore_previous_hosts=retries.retry_ignore_previous_hosts is not False,
        other_localities=bool(retries.retry_remote_localities),
    )


def _fault(fault: parts.Fault | None) -> Fault | None:
    """Without a percentage nothing happens (Istio)."""
    if fault is None:
        return None
    delay, abort = fault.delay, fault.abort
    return Fault(
        delay=istio_milliseconds(delay.fixed_delay) if delay is not None else 0,
        delay_parts=_parts(delay.percentage, delay.percent, 0) if delay is not None else 0,
        http_status=abort.http_status if abort is not None else None,
        grpc_status=_GRPC_STATUS.index(abort.grpc_status) if abort is not None and abort.grpc_status is not None else None,
        abort_parts=_parts(abort.percentage, abort.percent, 0) if abort is not None else 0,
    )


def _cors(cors: parts.CorsPolicy | None) -> Cors | None:
    if cors is None:
        return None
    origins = [_string(origin) for origin in cors.allow_origins]
    origins += [StringMatch(MatchKind.REGEX, ".*") if o == "*" else StringMatch(MatchKind.EXACT, o) for o in cors.allow_origin]
    return Cors(
        origins=tuple(StringMatch(MatchKind.REGEX, ".*") if o == StringMatch(MatchKind.EXACT, "*") else o for o in origins),
        methods=cors.allow_methods,
        headers=cors.allow_headers,
        expose=cors.expose_headers,
        max_age=istio_milliseconds(cors.max_age) // 1000 if cors.max_age is not None else None,
        credentials=cors.allow_credentials,
        forward_unmatched=cors.unmatched_preflights != "IGNORE",
    )

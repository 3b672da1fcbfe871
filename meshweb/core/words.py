"""Rules in a few words, for people."""

from __future__ import annotations

from meshweb.core.ir.health_checks import Check, GrpcCheck, HttpCheck
from meshweb.core.ir.rate_limits import Limit
from meshweb.core.ir.routing import ANY_PATH, Backend, MatchKind, NamedMatch, RouteRule, StringMatch

_KINDS = {
    MatchKind.EXACT: "is",
    MatchKind.PREFIX: "begins with",
    MatchKind.SEGMENTS: "is or is below",
    MatchKind.REGEX: "matches",
}


def match_words(rule: RouteRule) -> str:
    """`path is or is below /api, method is GET, header x-user is present`; `everything`."""
    match = rule.match
    parts = [f"path {_string(match.path)}"] if match.path != ANY_PATH else []
    for name, value in (("method", match.method), ("host", match.authority), ("scheme", match.scheme)):
        if value is not None:
            parts.append(f"{name} {_string(value)}")
    parts += [f"header {_named(item)}" for item in match.headers]
    parts += [f"query {_named(item)}" for item in match.query]
    if match.grpc:
        parts.append("gRPC")
    return ", ".join(parts) or "everything"


def _string(match: StringMatch) -> str:
    if match.kind is MatchKind.PRESENT:
        return "is present"
    return f"{_KINDS[match.kind]} {match.value}{' in any case' if match.ignore_case else ''}"


def _named(item: NamedMatch) -> str:
    words = f"{item.name} {_string(item.match)}"
    return f"not ({words})" if item.invert else words


def backend_words(rule: RouteRule) -> str:
    """What becomes of a request: `forward`, `answer 418`, `redirect 301 to https`, with what is changed on the way."""
    if rule.redirect is not None:
        redirect = rule.redirect
        where = [part for part in (redirect.scheme, redirect.host, redirect.full_path or redirect.prefix or "") if part]
        port = f":{redirect.port}" if redirect.port is not None else ""
        return f"redirect {redirect.status}{' to ' + ' '.join(where) if where else ''}{port}"
    if rule.response is not None:
        return f"answer {rule.response.status}"
    if not any(backend.weight for backend in rule.backends):
        return f"answer {rule.missing_status}"
    changes = []
    if rule.rewrite is not None:
        rewrite = rule.rewrite
        if rewrite.host:
            changes.append(f"host {rewrite.host}")
        if rewrite.full_path is not None or rewrite.prefix is not None or rewrite.regex is not None:
            changes.append(f"path {rewrite.full_path or rewrite.prefix or (rewrite.regex or ('', ''))[1]}")
    return f"forward with {' and '.join(changes)}" if changes else "forward"


def share_of(backend: Backend, backends: tuple[Backend, ...]) -> float:
    """From 0 to 1."""
    total = sum(one.weight for one in backends)
    return backend.weight / total if total else 0.0


def limit_words(limit: Limit) -> str:
    """`100 per 1 s by caller, header x-user`."""
    by = ", ".join(kind.value if not header else f"{kind.value} {header}" for kind, header in limit.by)
    return f"{limit.requests} per {limit.period / 1000:g} s{' by ' + by if by else ''}"


def check_words(check: Check) -> tuple[str, str]:
    """The field that says it, and what is asked: `http`, `GET /healthz is 200`."""
    if isinstance(check, HttpCheck):
        return "http", f"{check.method} {check.path} is {' or '.join(map(str, check.statuses))}"
    if isinstance(check, GrpcCheck):
        return "grpc", f"gRPC {check.service or 'server'} serves"
    return "tcp", "TCP answers as expected" if check.receive else "TCP connects"

"""How requests and connections are matched, changed and sent on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from meshweb.core.intent import DocumentKey
from meshweb.core.ir.services import Labels, Namespaces, Protocol
from meshweb.core.ir.traffic_policy import HashKey, Tunnel
from meshweb.core.names import PortRef


class MatchKind(StrEnum):
    EXACT = "exact"
    PREFIX = "prefix"  # of the text (Istio)
    SEGMENTS = "segments"  # of a path, by whole segments (Gateway API's PathPrefix)
    REGEX = "regex"  # RE2, full match
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class StringMatch:
    """`value` is empty for PRESENT. `ignore_case` not with REGEX (its author can write `(?i)`)."""

    kind: MatchKind
    value: str = ""
    ignore_case: bool = False


ANY_PATH = StringMatch(MatchKind.SEGMENTS, "/")


@dataclass(frozen=True, slots=True)
class NamedMatch:
    """A header (name in lower case) or query parameter. `invert`: must not match; one that is absent does not."""

    name: str
    match: StringMatch
    invert: bool = False


def named(matches: Iterable[NamedMatch]) -> tuple[NamedMatch, ...]:
    """In one order, whatever the document's: they all must hold anyway."""
    return tuple(sorted(matches, key=lambda m: (m.name, m.invert)))


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """All parts must hold. `authority` is compared without port, trailing dot and case."""

    path: StringMatch = ANY_PATH
    method: StringMatch | None = None
    headers: tuple[NamedMatch, ...] = ()
    query: tuple[NamedMatch, ...] = ()
    authority: StringMatch | None = None
    scheme: StringMatch | None = None
    grpc: bool = False


CATCH_ALL = RouteMatch()


@dataclass(frozen=True, slots=True)
class Callers:
    """Whose requests a rule is for: callers of `namespace` (empty: any) that carry all `labels`."""

    namespace: str = ""
    labels: Labels = frozenset()


EVERYBODY = Callers()


@dataclass(frozen=True, slots=True)
class HeaderChange:
    """set replaces, add appends, remove deletes; names and values as the user wrote them."""

    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


NO_CHANGE = HeaderChange()


@dataclass(frozen=True, slots=True)
class Destination:
    """A service port, or one subset of its workloads (DestinationRule)."""

    port: PortRef
    subset: str = ""


@dataclass(frozen=True, slots=True)
class Backend:
    """A share of the traffic. `to` None: the reference resolves to nothing; its share of the requests is answered with an error."""

    to: Destination | None
    weight: int
    request_headers: HeaderChange = NO_CHANGE
    response_headers: HeaderChange = NO_CHANGE

    @property
    def plain(self) -> bool:
        return self.request_headers == NO_CHANGE and self.response_headers == NO_CHANGE


@dataclass(frozen=True, slots=True)
class Redirect:
    """Unset parts keep the request's own. `prefix` replaces the matched path prefix. Where `port` is not set: from_listener: to the
    port on which the request came; usual_port: to that of the scheme."""

    scheme: str = ""
    host: str = ""
    port: int | None = None
    full_path: str | None = None
    prefix: str | None = None
    status: int = 302
    from_listener: bool = False
    usual_port: bool = False


@dataclass(frozen=True, slots=True)
class DirectResponse:
    status: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """At most one of full_path, prefix and regex. `prefix` replaces what the path match matched; `regex`: pattern and
    substitution in RE2's forms, every occurrence."""

    host: str = ""
    full_path: str | None = None
    prefix: str | None = None
    regex: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Mirror:
    """`parts`: of a million requests that are copied."""

    to: Destination
    parts: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Retry:
    """`attempts`: tries after the first. Times in milliseconds, 0 unset. `on`: Envoy's retry_on words; `codes`: further
    statuses."""

    attempts: int = 2
    on: tuple[str, ...] = ("connect-failure", "refused-stream", "unavailable", "cancelled")
    codes: tuple[int, ...] = ()
    try_timeout: int = 0
    backoff: int = 25
    ignore_previous_hosts: bool = True
    other_localities: bool = False


DEFAULT_RETRY = Retry()
"""Istio's: only what the server has certainly not begun to work on."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Delay in milliseconds and abort, each for so many of a million requests. One of http_status and grpc_status (a number)."""

    delay: int = 0
    delay_parts: int = 0
    http_status: int | None = None
    grpc_status: int | None = None
    abort_parts: int = 0


@dataclass(frozen=True, slots=True)
class Cors:
    """max_age in seconds, None unset. `forward_unmatched`: preflights of other origins go to the application (Istio's FORWARD)."""

    origins: tuple[StringMatch, ...]
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    expose: tuple[str, ...] = ()
    max_age: int | None = None
    credentials: bool | None = None
    forward_unmatched: bool = True


@dataclass(frozen=True, slots=True)
class SessionPersistence:
    """GEP-1619: the answer names its backend, in a cookie or a header; who sends that back gets the same one.
    `lifetime` in seconds; 0: a session cookie."""

    name: str
    header: bool = False
    lifetime: int = 0
    path: str = "/"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something was written: a document, and the JSON pointer inside it. said: the settings of a rule that its document names,
    with their pointers; what is not among them is a default."""

    document: DocumentKey
    pointer: str
    said: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RouteRule:
    """One match and what becomes of the requests it takes: `redirect`, `response` or `backends`.

    request_timeout in milliseconds; 0 is "no limit". `callers`: whose requests it is for.
    stat: prefix of statistics of its own, empty: none.
    missing_status: what unresolved backends answer (500 in Gateway API, 503 in Istio).
    hash_keys: what the policies of its destinations hash by; filled in by the scope of a caller, not by kinds.
    origin is not sent to Envoy; it explains.
    """

    match: RouteMatch
    backends: tuple[Backend, ...] = ()
    request_headers: HeaderChange = NO_CHANGE
    response_headers: HeaderChange = NO_CHANGE
    redirect: Redirect | None = None
    response: DirectResponse | None = None
    rewrite: Rewrite | None = None
    mirrors: tuple[Mirror, ...] = ()
    request_timeout: int = 0
    retry: Retry = DEFAULT_RETRY
    fault: Fault | None = None
    cors: Cors | None = None
    session: SessionPersistence | None = None
    name: str = ""
    stat: str = ""
    missing_status: int = 500
    callers: Callers = EVERYBODY
    hash_keys: tuple[HashKey, ...] = ()
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class ConnectionRule:
    """One rule for connections that are not HTTP.

    server_names: SNI, exact, `*.suffix` or `*` (any TLS); empty: every connection. Times in milliseconds, None: the default; they
    and hash_source_ip come from the policies of the destinations and are filled in by the scope of a caller.
    """

    backends: tuple[Backend, ...]
    server_names: tuple[str, ...] = ()
    callers: Callers = EVERYBODY
    hash_source_ip: bool = False
    idle_timeout: int | None = None
    max_duration: int | None = None
    tunnel: Tunnel | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class VirtualService:
    """Everything a caller's proxy needs for one service port: its routes in match order (empty: answer 404)."""

    port: PortRef
    protocol: Protocol
    routes: tuple[RouteRule, ...]
    connections: tuple[ConnectionRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Visibility:
    """Which callers see what a document lays down: `namespaces` None: all. `consumer`: it stands instead of the rules that are
    for everybody (GAMMA, consumer routes)."""

    namespaces: Namespaces = None
    consumer: bool = False


EVERYWHERE = Visibility()

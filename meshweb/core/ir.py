"""The intermediate representation: what all kinds write and the Envoy translators read.

It holds neither documents nor protobuf. Two kinds that say the same thing produce equal values here, hence the same bytes.
All values are frozen and hashable: the compiler caches what it builds from them by equality.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from meshweb.core.intent import DocumentKey
from meshweb.core.names import PortRef, ServiceRef


class Protocol(StrEnum):
    """What is spoken on a port, as far as the proxies care."""

    HTTP = "http"
    HTTP2 = "http2"
    TCP = "tcp"

    @property
    def is_http(self) -> bool:
        return self is not Protocol.TCP


class MtlsMode(StrEnum):
    """PeerAuthentication modes (Istio). DISABLE is not offered."""

    STRICT = "STRICT"
    PERMISSIVE = "PERMISSIVE"


@dataclass(frozen=True, slots=True)
class ServicePort:
    """`target` is a number, a name of a workload's port, or None for "the same number"."""

    number: int
    name: str
    protocol: Protocol
    target: int | str | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """One instance as its WorkloadEntry describes it. `ports`: (name, number) pairs, sorted."""

    namespace: str
    name: str
    address: str
    labels: frozenset[tuple[str, str]]
    ports: tuple[tuple[str, int], ...]
    service_account: str
    weight: int
    locality: str
    healthy: bool

    @property
    def id(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one workload answers for one service port."""

    address: str
    port: int
    weight: int
    healthy: bool
    locality: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    ref: ServiceRef
    ports: tuple[ServicePort, ...]
    selector: frozenset[tuple[str, str]]

    def port(self, number: int) -> ServicePort | None:
        return next((port for port in self.ports if port.number == number), None)


class MatchKind(StrEnum):
    EXACT = "exact"
    PREFIX = "prefix"  # for paths: by segments, as in Gateway API
    REGEX = "regex"  # RE2, full match


@dataclass(frozen=True, slots=True)
class StringMatch:
    kind: MatchKind
    value: str


@dataclass(frozen=True, slots=True)
class NamedMatch:
    """A header (name in lower case) or query parameter that must match."""

    name: str
    match: StringMatch


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """All parts must hold."""

    path: StringMatch = StringMatch(MatchKind.PREFIX, "/")
    method: str = ""
    headers: tuple[NamedMatch, ...] = ()
    query: tuple[NamedMatch, ...] = ()


@dataclass(frozen=True, slots=True)
class HeaderChange:
    """set replaces, add appends, remove deletes; names and values as the user wrote them."""

    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


NO_CHANGE = HeaderChange()


@dataclass(frozen=True, slots=True)
class Backend:
    """A share of the traffic. `port` None: the reference resolves to nothing; its share of the requests gets 500."""

    port: PortRef | None
    weight: int
    request_headers: HeaderChange = NO_CHANGE
    response_headers: HeaderChange = NO_CHANGE


@dataclass(frozen=True, slots=True)
class Redirect:
    """Unset parts keep the request's own. `prefix` replaces the matched path prefix."""

    scheme: str = ""
    host: str = ""
    port: int | None = None
    full_path: str | None = None
    prefix: str | None = None
    status: int = 302


@dataclass(frozen=True, slots=True)
class Rewrite:
    host: str = ""
    full_path: str | None = None
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class RouteRule:
    """One match and what becomes of the requests it takes.

    request_timeout and try_timeout in milliseconds; 0 is "no limit".
    origin and order are not sent to Envoy; they break ties and explain.
    """

    match: RouteMatch
    backends: tuple[Backend, ...]
    request_headers: HeaderChange = NO_CHANGE
    response_headers: HeaderChange = NO_CHANGE
    redirect: Redirect | None = None
    rewrite: Rewrite | None = None
    mirrors: tuple[PortRef, ...] = ()
    request_timeout: int = 0
    try_timeout: int = 0
    origin: DocumentKey | None = None


@dataclass(frozen=True, slots=True)
class VirtualService:
    """Everything a caller's proxy needs for one service port: its routes in match order (empty: answer 404)."""

    port: PortRef
    protocol: Protocol
    routes: tuple[RouteRule, ...]


class PolicyAction(StrEnum):
    ALLOW = "ALLOW"
    DENY = "DENY"


@dataclass(frozen=True, slots=True)
class PolicySource:
    """Fields AND; values of a field OR; an empty field matches everything.

    Values have Istio's string forms: `abc`, `abc*`, `*abc`, `*` (present and not empty).
    """

    principals: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyOperation:
    methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()

    @property
    def needs_http(self) -> bool:
        return bool(self.methods or self.paths)


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """`sources` OR, `operations` OR, both AND. Both empty: always matches."""

    sources: tuple[PolicySource, ...] = ()
    operations: tuple[PolicyOperation, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """An AuthorizationPolicy for one workload. No rules: never matches."""

    namespace: str
    name: str
    action: PolicyAction
    rules: tuple[PolicyRule, ...]


@dataclass(frozen=True, slots=True)
class InboundPort:
    """A port on which a sidecar answers for its application."""

    number: int
    protocol: Protocol
    mtls: MtlsMode
    policies: tuple[Policy, ...]

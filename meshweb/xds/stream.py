"""One xDS stream as a state machine without transport: bytes and snapshots in, actions out.

Order of one snapshot: clusters, endpoints and secrets; when these are acknowledged, listeners and routes; when everything is
acknowledged, removals of clusters, then of routes, endpoints and secrets (make before break). At most one response per type waits
for its ACK; whatever happens meanwhile is folded into the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum

from meshweb.core.snapshot import PUSH_ORDER, Section, Snapshot, TypeUrl
from meshweb.xds import wire
from meshweb.xds.acks import nack_text
from meshweb.xds.plan import EMPTY, Base, Plan, PlanCache, Situation, View, intern

MAX_NAMES = 10_000
MAX_NAME_LENGTH = 512
_WILDCARD = "*"
_WILDCARD_TYPES = frozenset({TypeUrl.CLUSTER, TypeUrl.LISTENER})
_FIRST_WAVE = (TypeUrl.CLUSTER, TypeUrl.ENDPOINT, TypeUrl.SECRET)
_UNKNOWN_NONCE = "unknown-type"


class Protocol(Enum):
    DELTA = "delta"
    STATE_OF_THE_WORLD = "sotw"


class CloseCode(Enum):
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    PERMISSION_DENIED = "PERMISSION_DENIED"


@dataclass(frozen=True, slots=True)
class Connected:
    agent_version: str
    envoy_version: str


@dataclass(frozen=True, slots=True)
class Send:
    """`type_url` is None for an answer to a type that the control plane does not serve."""

    data: bytes = field(repr=False)
    type_url: TypeUrl | None
    version: str
    revision: int


@dataclass(frozen=True, slots=True)
class Acked:
    type_url: TypeUrl
    version: str
    revision: int


@dataclass(frozen=True, slots=True)
class Nacked:
    type_url: TypeUrl
    version: str
    revision: int
    detail: str


@dataclass(frozen=True, slots=True)
class Live:
    revision: int


@dataclass(frozen=True, slots=True)
class Close:
    code: CloseCode
    detail: str


Action = Connected | Send | Acked | Nacked | Live | Close


@dataclass(frozen=True, slots=True)
class _Flight:
    plan: Plan
    situation: Situation
    revision: int


@dataclass(slots=True)
class _Type:
    wildcard: bool = False
    names: frozenset[str] = EMPTY
    base: Base = field(default_factory=Base)
    asked: frozenset[str] = EMPTY
    first: bool = True
    flight: _Flight | None = None
    refused: tuple[Section, ...] | None = None  # content that the client NACKed: not sent again until it changes


class Stream:
    """State of one stream. `plans` is shared by all streams of an event loop."""

    __slots__ = (
        "_closed",
        "_endpoints_due",
        "_live",
        "_node_seen",
        "_parse",
        "_plans",
        "_proxy_id",
        "_snapshot",
        "_sotw",
        "_types",
    )

    def __init__(self, proxy_id: str, protocol: Protocol, plans: PlanCache) -> None:
        self._proxy_id = proxy_id
        self._sotw = protocol is Protocol.STATE_OF_THE_WORLD
        self._parse: Callable[[bytes], wire.Request] = wire.parse_sotw if self._sotw else wire.parse_delta
        self._plans = plans
        self._types: dict[TypeUrl, _Type] = {}
        self._snapshot: Snapshot | None = None
        self._live: int | None = None
        self._endpoints_due = EMPTY
        self._node_seen = False
        self._closed = False

    def on_snapshot(self, snapshot: Snapshot | None) -> list[Action]:
        """The newest snapshot of the proxy (None while there is none)."""
        if self._closed or snapshot is None:
            return []
        self._snapshot = snapshot
        return self._advance()

    def on_request(self, data: bytes) -> list[Action]:
        """One message of the client."""
        if self._closed:
            return []
        try:
            request = self._parse(data)
            actions = self._identify(request)
            if self._closed:
                return actions
            type_url = wire.known_type(request.type_url)
            if type_url is None:
                return actions + self._unknown(request)
            self._subscribe(type_url, request)
            actions += self._answered(type_url, request)
        except wire.BadRequest as error:
            return [self._close(CloseCode.INVALID_ARGUMENT, str(error))]
        return actions + self._advance()

    # -- requests ------------------------------------------------------------------------------------------------------

    def _close(self, code: CloseCode, detail: str) -> Close:
        self._closed = True
        return Close(code, detail)

    def _identify(self, request: wire.Request) -> list[Action]:
        if request.node is not None and request.node.id != self._proxy_id:
            return [self._close(CloseCode.PERMISSION_DENIED, "node.id is not the proxy of this certificate")]
        if self._node_seen:
            return []
        if request.node is None:
            return [self._close(CloseCode.INVALID_ARGUMENT, "the first request must carry node.id")]
        self._node_seen = True
        return [Connected(request.node.agent_version, request.node.envoy_version)]

    def _unknown(self, request: wire.Request) -> list[Action]:
        """A type we do not serve: whatever is asked for does not exist. ACKs of that answer are ignored."""
        if request.nonce and not (request.subscribe and not self._sotw):
            return []
        _check_names(request.subscribe)
        if self._sotw:
            data = wire.sotw_response(request.type_url, (), _UNKNOWN_NONCE, "0")
        else:
            data = wire.delta_response(request.type_url, (), set(request.subscribe), _UNKNOWN_NONCE, "0")
        return [Send(data, None, "0", 0)]

    def _subscribe(self, type_url: TypeUrl, request: wire.Request) -> None:
        state = self._types.get(type_url)
        if state is None:
            state = self._types[type_url] = _Type()
            self._first(type_url, state, request)
        if self._sotw:
            self._subscribe_sotw(type_url, state, request)
        elif request.subscribe or request.unsubscribe:
            self._subscribe_delta(state, request)
        if type_url is TypeUrl.ENDPOINT and self._endpoints_due:
            state.asked, self._endpoints_due = intern(state.asked | (self._endpoints_due & state.names)), EMPTY

    def _first(self, type_url: TypeUrl, state: _Type, request: wire.Request) -> None:
        _check_names(request.subscribe)
        # xDS: a first request without names means everything, for the types that know "everything".
        state.wildcard = not request.subscribe and type_url in _WILDCARD_TYPES
        if request.initial_versions:
            _check_names(tuple(request.initial_versions))
            state.base = Base(explicit=frozenset(request.initial_versions.items()))
            state.first = False

    def _subscribe_delta(self, state: _Type, request: wire.Request) -> None:
        _check_names(request.subscribe)
        added, dropped = set(request.subscribe), set(request.unsubscribe)
        if _WILDCARD in added:
            state.wildcard = True
        if _WILDCARD in dropped:
            state.wildcard = False
        names = (state.names - dropped) | (added - {_WILDCARD})
        if len(names) > MAX_NAMES:
            raise wire.BadRequest(f"more than {MAX_NAMES} names in one subscription")
        state.names = intern(names)
        # What the client claims to hold is only sent when it differs; any other name is answered, even a second time.
        claimed = {name for name, _ in state.base.explicit} if state.base.view is None else set()
        state.asked = ((state.asked - dropped) | (added - {_WILDCARD})) - claimed

    def _subscribe_sotw(self, type_url: TypeUrl, state: _Type, request: wire.Request) -> None:
        if len(request.subscribe) > MAX_NAMES:
            raise wire.BadRequest(f"more than {MAX_NAMES} names in one subscription")
        names = frozenset(request.subscribe)
        state.wildcard = _WILDCARD in names or (not names and type_url in _WILDCARD_TYPES)
        names -= {_WILDCARD}
        if names != state.names:
            _check_names(request.subscribe)
            state.asked = (state.asked & names) | (names - state.names)
            state.names = intern(names)
        if state.first and request.version and self._snapshot is not None:
            target = self._target(type_url, state)
            if target.version() == request.version:  # a client that comes back with exactly what we would send
                state.base, state.asked, state.first = Base(view=target), EMPTY, False

    def _answered(self, type_url: TypeUrl, request: wire.Request) -> list[Action]:
        state = self._types[type_url]
        flight = state.flight
        if flight is None or request.nonce != flight.plan.nonce:
            return []  # a subscription, or an answer to something older
        state.flight = None
        plan, situation = flight.plan, flight.situation
        if request.error is not None:
            state.base = replace(state.base, uncertain=intern(state.base.uncertain | plan.touched))
            state.refused = situation.target.sections
            return [Nacked(type_url, plan.version, flight.revision, nack_text(request.error))]
        self._settle(state, situation, plan)
        return [Acked(type_url, plan.version, flight.revision)]

    def _settle(self, state: _Type, situation: Situation, plan: Plan) -> None:
        if situation.only_asked:
            # The rest is still refused. What was answered is sent again with the next change: cheaper than a second book.
            state.base = replace(state.base, uncertain=intern(state.base.uncertain | plan.touched))
            return
        state.base = Base(view=situation.target, lingering=plan.lingering)
        state.refused = None

    # -- pushes --------------------------------------------------------------------------------------------------------

    def _target(self, type_url: TypeUrl, state: _Type) -> View:
        sections = self._snapshot.sections.get(type_url, ()) if self._snapshot is not None else ()
        return View(type_url, tuple(sections), state.wildcard, state.names)

    def _made(self, type_url: TypeUrl, *, strictly: bool) -> bool:
        """Whether the client answered the newest snapshot of a type (strictly: with an ACK), removals aside."""
        state = self._types.get(type_url)
        if state is None:
            return True
        if state.flight is not None or state.asked or state.first:
            return False
        target = self._target(type_url, state)
        if state.base.view == target and not state.base.uncertain:
            return True
        return not strictly and state.refused == target.sections

    def _advance(self) -> list[Action]:
        if self._snapshot is None:
            return []
        actions: list[Action] = []
        for type_url in PUSH_ORDER:
            if type_url not in _FIRST_WAVE and not all(self._made(t, strictly=False) for t in _FIRST_WAVE):
                break
            self._push(type_url, actions, breaking=False)
        for type_url in (TypeUrl.CLUSTER, TypeUrl.ROUTE, TypeUrl.ENDPOINT, TypeUrl.SECRET):
            state = self._types.get(type_url)
            if state is not None and state.base.lingering and self._all_made():
                self._push(type_url, actions, breaking=True)
        self._report_live(actions)
        return actions

    def _push(self, type_url: TypeUrl, actions: list[Action], *, breaking: bool) -> None:
        state = self._types.get(type_url)
        if state is None or state.flight is not None or self._snapshot is None:
            return
        target = self._target(type_url, state)
        settled = state.base.view == target and not state.asked and not state.base.uncertain and not state.first
        if settled and not breaking:
            return
        only_asked = state.refused == target.sections
        if only_asked and not state.asked:
            return
        situation = Situation(self._sotw, state.base, target, state.asked, breaking, only_asked, state.first)
        plan = self._plans.plan(situation)
        state.asked, state.first = EMPTY, False
        if plan.response is None:
            self._settle(state, situation, plan)
            return
        state.flight = _Flight(plan, situation, self._snapshot.revision)
        actions.append(Send(plan.response, type_url, plan.version, self._snapshot.revision))
        if plan.endpoints:
            self._ask_endpoints(plan.endpoints)

    def _ask_endpoints(self, names: frozenset[str]) -> None:
        """A changed cluster warms again and Envoy does not ask: without its assignment it would wait 15 seconds."""
        endpoints = self._types.get(TypeUrl.ENDPOINT)
        if endpoints is None:
            self._endpoints_due |= names  # a client that comes back asks for clusters first, and claims its endpoints later
        else:
            wanted = names if names <= endpoints.names else names & endpoints.names
            endpoints.asked = intern(endpoints.asked | wanted) if endpoints.asked else wanted

    def _all_made(self) -> bool:
        """Whether nothing is missing at the client. A type that it has not asked for yet counts as missing when the snapshot
        holds something of it: after a reconnect, clusters must not go before the routes were compared."""
        if self._snapshot is None:
            return False
        for type_url in PUSH_ORDER:
            if type_url in self._types:
                if not self._made(type_url, strictly=True) or not self._asked_for_all(type_url):
                    return False
            elif any(section.resources for section in self._snapshot.sections.get(type_url, ())):
                return False
        return True

    def _asked_for_all(self, type_url: TypeUrl) -> bool:
        """A secret is in the snapshot because a cluster or listener names it: until the client has asked for it, that one warms."""
        if type_url is not TypeUrl.SECRET or self._snapshot is None:
            return True
        names = self._types[type_url].names
        return all(section.resources.keys() <= names for section in self._snapshot.sections.get(type_url, ()))

    def _report_live(self, actions: list[Action]) -> None:
        if self._snapshot is None or self._snapshot.revision == self._live or not self._all_made():
            return
        if not any(state.base.lingering for state in self._types.values()):
            self._live = self._snapshot.revision
            actions.append(Live(self._snapshot.revision))


def _check_names(names: tuple[str, ...]) -> None:
    if len(names) > MAX_NAMES:
        raise wire.BadRequest(f"more than {MAX_NAMES} names in one request")
    if any(len(name) > MAX_NAME_LENGTH for name in names):
        raise wire.BadRequest(f"a name is longer than {MAX_NAME_LENGTH} characters")

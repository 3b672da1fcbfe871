"""What Envoy subscribes to and holds, as far as the relay saw it. Pure: parsed messages in, facts and messages out.

Envoy answers the responses of a type in the order in which it got them, and nonces of two servers may be equal. So each type has a
queue of unanswered responses, and each entry knows the *link* (the upstream stream, or None for the agent itself) it came from.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meshweb.agent.store import Held, Snapshot
from meshweb.protos import message

_PREFIX = "type.googleapis.com/envoy."
CLUSTER = f"{_PREFIX}config.cluster.v3.Cluster"
ENDPOINT = f"{_PREFIX}config.endpoint.v3.ClusterLoadAssignment"
LISTENER = f"{_PREFIX}config.listener.v3.Listener"
ROUTE = f"{_PREFIX}config.route.v3.RouteConfiguration"
SECRET = f"{_PREFIX}extensions.transport_sockets.tls.v3.Secret"
ORDER = (CLUSTER, ENDPOINT, SECRET, LISTENER, ROUTE)

_REQUEST = "envoy.service.discovery.v3.DeltaDiscoveryRequest"
_RESPONSE = "envoy.service.discovery.v3.DeltaDiscoveryResponse"
_UNSURE_VERSION = "?"


@dataclass(frozen=True, slots=True)
class _Sent:
    nonce: str
    link: int | None
    resources: Mapping[str, Held]
    removed: tuple[str, ...]


@dataclass(slots=True)
class _Type:
    wildcard: bool = False
    names: set[str] = field(default_factory=set)
    held: dict[str, Held] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)  # were in refused responses: Envoy may hold them
    unanswered: deque[_Sent] = field(default_factory=deque)
    answered: bool = False
    absent: set[str] = field(default_factory=set)  # were told to be nowhere, by the agent itself


@dataclass(frozen=True, slots=True)
class Noted:
    """`link`: where the acknowledged response came from. `acknowledged`: something is held now that was not before."""

    is_answer: bool
    link: int | None
    acknowledged: bool


class Book:
    """One Envoy stream."""

    def __init__(self) -> None:
        self._types: dict[str, _Type] = {}
        self.node: bytes = b""

    def request(self, request: Any, stored: Snapshot) -> Noted:
        """Notes a DeltaDiscoveryRequest. `stored` tells the bytes of what a returning Envoy claims to hold."""
        if request.HasField("node") and request.node.id:
            self.node = request.node.SerializeToString()
        state = self._types.get(request.type_url)
        if state is None:
            state = self._types[request.type_url] = _Type()
            state.wildcard = not request.resource_names_subscribe and request.type_url in (CLUSTER, LISTENER)
            known = stored.get(request.type_url, {})
            for name, version in request.initial_resource_versions.items():
                held = known.get(name)
                if held is not None and held.version == version:
                    state.held[name] = held
                else:
                    state.unsure.add(name)
            state.answered = bool(request.initial_resource_versions)
        self._subscribe(state, request)
        return self._answer(state, request)

    @staticmethod
    def _subscribe(state: _Type, request: Any) -> None:
        for name in request.resource_names_unsubscribe:
            if name == "*":
                state.wildcard = False
            state.names.discard(name)
            if not state.wildcard:
                state.held.pop(name, None)
        for name in request.resource_names_subscribe:
            if name == "*":
                state.wildcard = True
            else:
                state.names.add(name)
            state.absent.discard(name)

    @staticmethod
    def _answer(state: _Type, request: Any) -> Noted:
        queue = state.unanswered
        if not request.response_nonce or not queue or queue[0].nonce != request.response_nonce:
            return Noted(bool(request.response_nonce), None, False)
        sent = queue.popleft()
        state.answered = True
        if request.HasField("error_detail"):
            state.unsure.update(sent.resources, sent.removed)
            return Noted(True, sent.link, False)
        for name in sent.removed:
            state.held.pop(name, None)
            state.unsure.discard(name)
        for name, held in sent.resources.items():
            state.unsure.discard(name)
            if state.wildcard or name in state.names:
                state.held[name] = held
        return Noted(True, sent.link, True)

    def response(self, response: Any, link: int | None) -> None:
        """Notes a DeltaDiscoveryResponse that goes to Envoy."""
        state = self._types.setdefault(response.type_url, _Type())
        resources = {r.name: Held(r.version, r.SerializeToString(deterministic=True)) for r in response.resources}
        state.unanswered.append(_Sent(response.nonce, link, resources, tuple(response.removed_resources)))

    @property
    def waiting(self) -> bool:
        """Whether Envoy still has to answer something."""
        return any(state.unanswered for state in self._types.values())

    @property
    def cold(self) -> bool:
        """Whether Envoy holds nothing yet: it has just started."""
        return not any(state.answered for state in self._types.values())

    def complete(self) -> Snapshot | None:
        """What Envoy holds, when it holds all that it asked for; None while it is in between (not worth keeping)."""
        clusters, listeners = self._types.get(CLUSTER), self._types.get(LISTENER)
        if clusters is None or listeners is None or not (clusters.answered and listeners.answered) or self.waiting:
            return None
        endpoints = self._types.get(ENDPOINT)
        if endpoints is not None and not endpoints.names <= endpoints.held.keys():
            return None
        for named in (self._types.get(ROUTE), self._types.get(SECRET)):
            if named is not None and not named.answered:  # one that does not exist is never held
                return None
        return {type_url: dict(state.held) for type_url, state in self._types.items() if type_url in ORDER}

    def resume(self) -> list[bytes]:
        """First requests of a new upstream stream, which tell what Envoy subscribes to and holds."""
        made: list[bytes] = []
        for type_url in ORDER:
            state = self._types.get(type_url)
            if state is None:
                continue
            request = message(_REQUEST)(type_url=type_url)
            if not made:
                request.node.ParseFromString(self.node)
            # Without names a first request means everything.
            if state.names or not state.wildcard:
                request.resource_names_subscribe.extend((["*"] if state.wildcard else []) + sorted(state.names))
            for name, held in state.held.items():
                request.initial_resource_versions[name] = held.version
            for name in state.unsure:
                request.initial_resource_versions[name] = _UNSURE_VERSION
            made.append(request.SerializeToString())
        return made

    def missing(self, type_url: str, stored: Snapshot) -> Any | None:
        """A response (without nonce) with what is stored and Envoy asked for but does not hold; None when that is nothing."""
        state = self._types.get(type_url)
        if state is None:
            return None
        known = stored.get(type_url, {})
        on_the_way = {name for sent in state.unanswered for name in sent.resources}
        wanted = (set(known) if state.wildcard else set()) | state.names
        response = message(_RESPONSE)(type_url=type_url)
        for name in sorted(wanted - state.held.keys() - on_the_way):
            held = known.get(name)
            if held is not None:
                response.resources.add().ParseFromString(held.resource)
            elif type_url == ENDPOINT:
                _add_empty_endpoints(response, name)
            elif type_url == SECRET and name not in state.absent:
                # Envoy goes on at once and answers nobody there; without a word its listener would wait for 15 seconds.
                response.removed_resources.append(name)
                state.absent.add(name)
        if (
            not response.resources
            and not response.removed_resources
            and (state.answered or state.unanswered or not state.wildcard)
        ):
            return None
        return response


def _add_empty_endpoints(response: Any, name: str) -> None:
    """Better no endpoint than a cluster that warms for 15 seconds and holds back everything else."""
    resource = response.resources.add(name=name, version="none")
    assignment = message("envoy.config.endpoint.v3.ClusterLoadAssignment")(cluster_name=name)
    resource.resource.type_url = ENDPOINT
    resource.resource.value = assignment.SerializeToString()

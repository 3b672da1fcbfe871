"""Whatever the order of snapshots, answers and refusals: the client ends with the snapshot, and never refers to nothing."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given, settings, strategies as st

from meshweb.core.snapshot import PUSH_ORDER, Section, Snapshot, XdsResource
from meshweb.xds.plan import PlanCache
from meshweb.xds.stream import Acked, Close, Live, Nacked, Protocol, Send, Stream
from tests.xds.client import (
    CLUSTER,
    ENDPOINT,
    LISTENER,
    ROUTE,
    SECRET,
    SECRETIVE,
    ModelEnvoy,
    cluster_body,
    endpoints_body,
    references_body,
)

NODE = "shop/web-1"
NAMES = ("a", "b", "c", "d")


@st.composite
def snapshots(draw: st.DrawFn) -> dict[str, dict[str, bytes]]:
    clusters = draw(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(("1", "2"))))
    endpoints = draw(st.dictionaries(st.sampled_from(NAMES), st.integers(1, 3)))
    routes = {}
    if clusters:
        routes = draw(st.dictionaries(st.sampled_from(("r", "s")), st.lists(st.sampled_from(sorted(clusters)), max_size=2)))
    named = routes.keys() | {name for name, mark in clusters.items() if mark == SECRETIVE}
    there = draw(st.dictionaries(st.sampled_from((*NAMES, "r", "s")), st.sampled_from((b"old", b"new"))))
    return {
        SECRET: {name: value for name, value in there.items() if name in named},
        CLUSTER: {name: cluster_body(name, mark) for name, mark in clusters.items()},
        ENDPOINT: {name: endpoints_body(name, port) for name, port in endpoints.items() if name in clusters},
        LISTENER: {f"l-{name}": references_body("l", name) for name in routes},
        ROUTE: {name: references_body("r", *found) for name, found in routes.items()},
    }


def _snapshot(revision: int, content: Mapping[Any, dict[str, bytes]], sections: int = 2) -> Snapshot:
    made = {}
    for type_url in PUSH_ORDER:
        parts: list[list[XdsResource]] = [[] for _ in range(sections)]
        for index, (name, body) in enumerate(sorted(content[type_url].items())):
            parts[index % sections].append(XdsResource.of(name, body))
        made[type_url] = tuple(Section.of(part) for part in parts)
    return Snapshot(revision, made)


class World:
    """A server stream, a client, and the two directions of the wire between them."""

    def __init__(self, *, strict: bool) -> None:
        self.plans = PlanCache()
        self.stream = Stream(NODE, Protocol.DELTA, self.plans)
        self.to_client: deque[bytes] = deque()
        self.to_server: deque[bytes] = deque()
        self.envoy = ModelEnvoy(NODE, self.to_server.append, strict=strict)
        self.outstanding: Counter[str] = Counter()
        self.live = -1
        self.envoy.start()

    def snapshot(self, snapshot: Snapshot) -> None:
        self._carry_out(self.stream.on_snapshot(snapshot))

    def reconnect(self, snapshot: Snapshot) -> None:
        self.stream = Stream(NODE, Protocol.DELTA, self.plans)
        self.to_client.clear()
        self.to_server.clear()
        self.outstanding.clear()
        self.envoy.restart(self.to_server.append)
        self.snapshot(snapshot)

    def _carry_out(self, actions: Sequence[object]) -> None:
        for action in actions:
            assert not isinstance(action, Close), action
            if isinstance(action, Send) and action.type_url is not None:
                self.outstanding[action.type_url] += 1
                assert self.outstanding[action.type_url] == 1
                self.to_client.append(action.data)
            elif isinstance(action, Acked | Nacked):
                self.outstanding[action.type_url] -= 1
            elif isinstance(action, Live):
                self.live = action.revision

    def server_turn(self) -> None:
        if self.to_server:
            self._carry_out(list(self.stream.on_request(self.to_server.popleft())))

    def client_turn(self, *, refuse: bool = False, applied: int = 0) -> None:
        if self.to_client:
            self.envoy.receive(
                self.to_client.popleft(),
                refuse=refuse,
                applied=lambda name: (applied >> NAMES.index(name[-1])) & 1 == 1 if name[-1] in NAMES else bool(applied & 1),
            )

    def quiesce(self) -> None:
        for _ in range(10_000):
            if not self.to_server and not self.to_client:
                return
            self.server_turn()
            self.client_turn()
        raise AssertionError("the two never become quiet")

    def assert_equal(self, content: dict[str, dict[str, bytes]]) -> None:
        for type_url in (CLUSTER, SECRET, LISTENER, ROUTE):
            assert {n: body for n, (_, body) in self.envoy.held[type_url].items()} == content[type_url], type_url
        filled = {n: body for n, (_, body) in self.envoy.held[ENDPOINT].items() if body != b"\n\x01" + n.encode()}
        assert filled == content[ENDPOINT]
        assert self.envoy.held[ENDPOINT].keys() == content[CLUSTER].keys()


TURNS = st.lists(st.one_of(st.sampled_from(("server", "client", "reconnect")), snapshots()), max_size=60)


@settings(max_examples=400, deadline=None)
@given(snapshots(), TURNS)
def test_acknowledging_clients_converge_and_never_refer_to_nothing(first: object, turns: list[object]) -> None:
    content = first
    assert isinstance(content, dict)
    world, revision = World(strict=True), 1
    world.snapshot(_snapshot(1, content))
    for turn in turns:
        if turn == "server":
            world.server_turn()
        elif turn == "client":
            world.client_turn()
        elif turn == "reconnect":
            world.reconnect(_snapshot(revision, content))
        elif isinstance(turn, dict):
            content, revision = turn, revision + 1
            world.snapshot(_snapshot(revision, content, sections=1 + revision % 3))
    world.quiesce()
    world.assert_equal(content)
    assert world.live == revision


REFUSING = st.lists(
    st.one_of(
        st.just("server"),
        st.tuples(st.booleans(), st.integers(0, 15)),
        snapshots(),
    ),
    max_size=60,
)


@settings(max_examples=400, deadline=None)
@given(REFUSING, snapshots())
def test_refusing_clients_converge_once_the_content_changes(turns: list[object], last: object) -> None:
    world, revision = World(strict=False), 0
    for turn in turns:
        if turn == "server":
            world.server_turn()
        elif isinstance(turn, tuple):
            world.client_turn(refuse=turn[0], applied=turn[1])
        elif isinstance(turn, dict):
            revision += 1
            world.snapshot(_snapshot(revision, turn))
    world.quiesce()
    assert isinstance(last, dict)
    # New bytes for everything, as after a repair; then the content that must be reached.
    empty = {type_url: dict[str, bytes]() for type_url in PUSH_ORDER}
    world.snapshot(_snapshot(revision + 1, empty, sections=4))
    world.quiesce()
    world.snapshot(_snapshot(revision + 2, {t: dict(last[t]) for t in PUSH_ORDER}, sections=5))
    world.quiesce()
    world.assert_equal(last)
    assert world.live == revision + 2

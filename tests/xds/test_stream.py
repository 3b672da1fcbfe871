"""The state machine of a stream, without transport."""

from __future__ import annotations

from typing import Any

import pytest

from meshweb.core.snapshot import Section, Snapshot, TypeUrl, XdsResource
from meshweb.xds.acks import MAX_DETAIL, nack_text
from meshweb.xds.plan import PlanCache
from meshweb.xds.stream import Acked, Close, CloseCode, Connected, Live, Nacked, Protocol, Send, Stream
from tests.xds.client import (
    CLUSTER,
    ENDPOINT,
    LISTENER,
    ROUTE,
    SECRET,
    cluster_body,
    delta_request,
    endpoints_body,
    parse_response,
    parse_sotw_response,
    references_body,
    sotw_request,
)

NODE = "shop/web-1"


def snapshot(revision: int, clusters: dict[str, str], routes: dict[str, tuple[str, ...]] | None = None) -> Snapshot:
    """`clusters`: name -> mark; a mark that starts with "-" has no endpoints of its own in the snapshot."""
    routes = routes or {}
    return Snapshot(
        revision,
        {
            CLUSTER: (Section.of(XdsResource.of(n, cluster_body(n, m)) for n, m in clusters.items()),),
            ENDPOINT: (Section.of(XdsResource.of(n, endpoints_body(n)) for n, m in clusters.items() if not m.startswith("-")),),
            LISTENER: (Section.of(XdsResource.of(f"l-{n}", references_body("l", n)) for n in routes),),
            ROUTE: (Section.of(XdsResource.of(n, references_body("r", *refs)) for n, refs in routes.items()),),
        },
    )


class Driver:
    def __init__(self, protocol: Protocol = Protocol.DELTA, plans: PlanCache | None = None) -> None:
        self.stream = Stream(NODE, protocol, plans or PlanCache())
        self.sotw = protocol is Protocol.STATE_OF_THE_WORLD
        self.first = True

    def request(self, type_url: str, **fields: Any) -> list[Any]:
        node = NODE if self.first else ""
        self.first = False
        make = sotw_request if self.sotw else delta_request
        return list(self.stream.on_request(make(type_url, node=node, **fields)))

    def snapshot(self, snapshot: Snapshot) -> list[Any]:
        return list(self.stream.on_snapshot(snapshot))

    def sync(self, actions: list[Any]) -> list[Any]:
        """Acknowledges everything until the server is quiet; returns all actions."""
        seen = list(actions)
        queue = list(actions)
        while queue:
            action = queue.pop(0)
            if isinstance(action, Send) and action.type_url is not None:
                response = parse_response(action.data)
                more = self.request(response.type_url, nonce=response.nonce)
                seen += more
                queue += more
        return seen


def sends(actions: list[Any]) -> list[tuple[str, list[str], list[str]]]:
    found = []
    for action in actions:
        if isinstance(action, Send):
            response = parse_response(action.data)
            short = response.type_url.rpartition(".")[2]
            found.append((short, [r.name for r in response.resources], list(response.removed_resources)))
    return found


def synced(first: Snapshot) -> Driver:
    driver = Driver()
    driver.snapshot(first)
    driver.sync(driver.request(CLUSTER))
    names = tuple(r.name for r in first.resources(CLUSTER))
    driver.sync(driver.request(ENDPOINT, subscribe=names) if names else [])
    driver.sync(driver.request(LISTENER))
    routes = tuple(r.name for r in first.resources(ROUTE))
    seen = driver.sync(driver.request(ROUTE, subscribe=routes) if routes else [])
    assert not routes or Live(first.revision) in seen
    return driver


def test_first_sync_is_live_only_when_everything_was_asked_and_acknowledged() -> None:
    driver = Driver()
    first = snapshot(7, {"a": "1"}, {"r": ("a",)})
    assert driver.snapshot(first) == []
    actions = driver.request(CLUSTER)
    assert actions[0] == Connected("0.1.0", "1.40.0")
    assert sends(actions) == [("Cluster", ["a"], [])]
    nonce = parse_response(actions[1].data).nonce
    asked = driver.request(ENDPOINT, subscribe=("a",))
    assert sends(asked) == [("ClusterLoadAssignment", ["a"], [])]
    assert sends(driver.request(LISTENER)) == []  # clusters first
    acked = driver.request(CLUSTER, nonce=nonce)
    assert acked == [Acked(TypeUrl.CLUSTER, actions[1].version, 7)]
    after = driver.request(ENDPOINT, nonce=parse_response(asked[0].data).nonce)
    assert sends(after) == [("Listener", ["l-r"], [])]
    assert Live(7) not in driver.sync(after)
    assert Live(7) in driver.sync(driver.request(ROUTE, subscribe=("r",)))


def test_empty_answers_for_unknown_endpoints() -> None:
    driver = synced(snapshot(1, {"a": "-1"}, {"r": ("a",)}))
    sent = parse_response(driver.request(ENDPOINT, subscribe=("ghost",))[0].data)
    assignment = sent.resources[0]
    assert (assignment.name, assignment.resource.value) == ("ghost", b"\n\x05ghost")


def test_changed_cluster_gets_its_endpoints_again() -> None:
    driver = synced(snapshot(1, {"a": "1", "b": "1"}, {"r": ("a",)}))
    actions = driver.snapshot(snapshot(2, {"a": "2", "b": "1"}, {"r": ("a",)}))
    assert sends(actions) == [("Cluster", ["a"], []), ("ClusterLoadAssignment", ["a"], [])]
    assert Live(2) in driver.sync(actions)


def test_make_before_break() -> None:
    driver = synced(snapshot(1, {"a": "1"}, {"r": ("a",)}))
    actions = driver.snapshot(snapshot(2, {"b": "1"}, {"r": ("b",)}))
    assert sends(actions) == [("Cluster", ["b"], [])]
    subscribed = driver.request(ENDPOINT, subscribe=("b",))
    seen = driver.sync(actions + subscribed)
    assert sends(seen) == [
        ("Cluster", ["b"], []),
        ("ClusterLoadAssignment", ["b"], []),
        ("RouteConfiguration", ["r"], []),
        ("Cluster", [], ["a"]),
        ("ClusterLoadAssignment", ["a"], []),  # empty: the client still subscribes to it
    ]
    assert seen[-1] == Live(2)


def test_lingering_cluster_that_comes_back_is_not_removed() -> None:
    driver = synced(snapshot(1, {"a": "1"}, {"r": ("a",)}))
    actions = driver.snapshot(snapshot(2, {"b": "1"}, {"r": ("b",)}))
    driver.snapshot(snapshot(3, {"a": "1", "b": "1"}, {"r": ("a",)}))
    seen = driver.sync(actions)
    assert not any(removed for _, _, removed in sends(seen))
    assert seen[-1] == Live(3)


def test_one_response_in_flight_and_the_newest_wins() -> None:
    driver = synced(snapshot(1, {"a": "1"}, {"r": ("a",)}))
    actions = driver.snapshot(snapshot(2, {"a": "2"}, {"r": ("a",)}))
    assert driver.snapshot(snapshot(3, {"a": "3"}, {"r": ("a",)})) == []
    assert driver.snapshot(snapshot(4, {"a": "4"}, {"r": ("a",)})) == []
    seen = driver.sync(actions)
    versions = [name for kind, name, _ in sends(seen) if kind == "Cluster"]
    assert len(versions) == 2  # 2 and 4, never 3
    assert seen[-1] == Live(4)


def test_stale_nonce_is_ignored() -> None:
    driver = synced(snapshot(1, {"a": "1"}, {"r": ("a",)}))
    driver.snapshot(snapshot(2, {"a": "2"}, {"r": ("a",)}))
    assert driver.request(CLUSTER, nonce="nonsense") == []
    assert driver.request(CLUSTER, nonce="nonsense", error="x") == []


def test_nack_is_told_once_and_not_sent_again() -> None:
    driver = synced(snapshot(1, {"a": "1"}, {"r": ("a",)}))
    actions = driver.snapshot(snapshot(2, {"a": "bad", "b": "1"}, {"r": ("a",)}))
    nonce = parse_response(actions[0].data).nonce
    seen = driver.sync([action for action in actions if action.type_url is not TypeUrl.CLUSTER])
    refused = driver.request(CLUSTER, nonce=nonce, error="Error adding/updating cluster(s) a: bad")
    assert refused[0] == Nacked(TypeUrl.CLUSTER, actions[0].version, 2, "Error adding/updating cluster(s) a: bad")
    assert not any(isinstance(action, Live) for action in seen + refused)
    again = driver.snapshot(snapshot(3, {"a": "bad", "b": "1"}, {"r": ("a",)}))
    assert sends(again) == []
    mended = driver.snapshot(snapshot(4, {"a": "1", "c": "1"}, {"r": ("a",)}))
    # everything since the last ACK: "a" again, although it is what was acknowledged, and "b", which may have been applied, goes
    assert sends(mended)[0] == ("Cluster", ["a", "c"], [])
    driver.request(ENDPOINT, subscribe=("c",))
    seen = driver.sync(mended)
    assert ("Cluster", [], ["b"]) in sends(seen)


def test_other_types_go_on_after_a_nack() -> None:
    driver = synced(snapshot(1, {"a": "1"}, {"r": ("a",)}))
    actions = driver.snapshot(snapshot(2, {"a": "1"}, {"r": ("a", "x"), "s": ("a",)}))
    listener, route = (parse_response(action.data) for action in actions)
    assert driver.request(LISTENER, nonce=listener.nonce, error="bad")[0].revision == 2
    assert isinstance(driver.request(ROUTE, nonce=route.nonce)[0], Acked)
    asked = driver.request(ROUTE, subscribe=("s",))
    assert sends(asked) == [("RouteConfiguration", ["s"], [])]


def test_name_asked_after_a_nack_is_answered_without_the_refused_one() -> None:
    driver = synced(snapshot(1, {"a": "1"}, {"r": ("a",)}))
    actions = driver.snapshot(snapshot(2, {"a": "1"}, {"r": ("bad",)}))
    driver.request(ROUTE, nonce=parse_response(actions[0].data).nonce, error="bad")
    assert sends(driver.request(ROUTE, subscribe=("other",))) == [("RouteConfiguration", [], ["other"])]


def test_removals_wait_while_something_is_refused() -> None:
    driver = synced(snapshot(1, {"a": "1"}, {"r": ("a",)}))
    actions = driver.snapshot(snapshot(2, {"b": "1"}, {"r": ("b",)}))
    clusters = parse_response(actions[0].data)
    driver.request(ENDPOINT, subscribe=("b",))
    seen = driver.request(CLUSTER, nonce=clusters.nonce)
    endpoints = [a for a in seen if isinstance(a, Send)]
    assert endpoints == []  # the endpoints of "b" are still in flight, so no routes yet


def test_resume_sends_only_differences() -> None:
    first = snapshot(1, {"a": "1", "b": "1"}, {"r": ("a",)})
    driver = Driver()
    driver.snapshot(first)
    versions = {t: {r.name: r.version for r in first.resources(t)} for t in (CLUSTER, ENDPOINT, LISTENER, ROUTE)}
    assert sends(driver.request(CLUSTER, versions={**versions[CLUSTER], "gone": "1"})) == []
    actions = driver.request(ENDPOINT, subscribe=("a", "b"), versions=versions[ENDPOINT])
    assert sends(actions) == []
    assert sends(driver.request(LISTENER, versions=versions[LISTENER])) == []
    seen = driver.request(ROUTE, subscribe=("r",), versions=versions[ROUTE])
    assert sends(seen) == [("Cluster", [], ["gone"])]
    assert Live(1) in driver.sync(seen)


def test_changed_cluster_after_resume_gets_its_endpoints() -> None:
    first = snapshot(1, {"a": "1"}, {})
    driver = Driver()
    driver.snapshot(first)
    assert sends(driver.request(CLUSTER, versions={"a": "old"})) == [("Cluster", ["a"], [])]
    held = {r.name: r.version for r in first.resources(ENDPOINT)}
    assert sends(driver.request(ENDPOINT, subscribe=("a",), versions=held)) == [("ClusterLoadAssignment", ["a"], [])]


def test_same_content_is_live_at_once() -> None:
    driver = synced(snapshot(1, {"a": "1"}, {"r": ("a",)}))
    assert driver.snapshot(snapshot(2, {"a": "1"}, {"r": ("a",)})) == [Live(2)]


def test_equal_streams_share_bytes() -> None:
    plans = PlanCache()
    first, second = Driver(plans=plans), Driver(plans=plans)
    for driver in (first, second):
        driver.snapshot(snapshot(1, {"a": "1"}))
    one, two = (driver.request(CLUSTER)[1] for driver in (first, second))
    assert one.data is two.data


@pytest.mark.parametrize("protocol", list(Protocol))
def test_types_we_do_not_serve(protocol: Protocol) -> None:
    driver = Driver(protocol)
    driver.snapshot(snapshot(1, {}))
    names = {"names": ("default",)} if driver.sotw else {"subscribe": ("default",)}
    for type_url in ("type.googleapis.com/unheard.Of", "type.googleapis.com/envoy.service.runtime.v3.Runtime"):
        sent = [action for action in driver.request(type_url, **names) if isinstance(action, Send)]
        if driver.sotw:
            assert list(parse_sotw_response(sent[0].data).resources) == []
            nonce = parse_sotw_response(sent[0].data).nonce
        else:
            assert list(parse_response(sent[0].data).removed_resources) == ["default"]
            nonce = parse_response(sent[0].data).nonce
        assert driver.request(type_url, nonce=nonce) == []


# --- secrets ----------------------------------------------------------------------------------------------------------


def _with_secrets(revision: int, **secrets: bytes) -> Snapshot:
    made = snapshot(revision, {"a": "1"})
    return Snapshot(revision, {**made.sections, SECRET: (Section.of(XdsResource.of(n, b) for n, b in secrets.items()),)})


def _secrets(actions: list[Any]) -> list[tuple[list[str], list[str]]]:
    return [(names, removed) for kind, names, removed in sends(actions) if kind == "Secret"]


def _lives(actions: list[Any]) -> list[int]:
    return [action.revision for action in actions if isinstance(action, Live)]


def test_secrets_are_sent_by_name_and_a_revision_waits_for_them() -> None:
    driver = Driver()
    driver.snapshot(_with_secrets(1, shop=b"one", other=b"not named"))
    seen = driver.sync(driver.request(CLUSTER)) + driver.sync(driver.request(ENDPOINT, subscribe=("a",)))
    assert not _lives(seen), "a listener that names a secret may still wait for it"
    seen = driver.sync(driver.request(SECRET, subscribe=("shop",)))
    assert (_secrets(seen), _lives(seen)) == ([(["shop"], [])], [])
    seen = driver.sync(driver.request(SECRET, subscribe=("other",)))
    assert (_secrets(seen), _lives(seen)) == ([(["other"], [])], [1])
    renewed = driver.sync(driver.snapshot(_with_secrets(2, shop=b"two", other=b"not named")))
    assert (_secrets(renewed), _lives(renewed)) == ([(["shop"], [])], [2])


def test_a_secret_that_is_not_there_is_answered_at_once() -> None:
    driver = Driver()
    driver.snapshot(_with_secrets(1))
    seen = driver.sync(driver.request(CLUSTER)) + driver.sync(driver.request(ENDPOINT, subscribe=("a",)))
    seen += driver.sync(driver.request(SECRET, subscribe=("gone",)))
    assert (_secrets(seen), _lives(seen)[-1:]) == ([([], ["gone"])], [1])
    came = driver.sync(driver.snapshot(_with_secrets(2, gone=b"here")))
    assert (_secrets(came), _lives(came)) == ([(["gone"], [])], [2])
    went = driver.sync(driver.snapshot(_with_secrets(3)))
    assert (_secrets(went), _lives(went)) == ([([], ["gone"])], [3])


def test_a_refused_secret_keeps_its_revision_from_being_live() -> None:
    driver = Driver()
    driver.snapshot(_with_secrets(1, shop=b"bad"))
    driver.sync(driver.request(CLUSTER))
    driver.sync(driver.request(ENDPOINT, subscribe=("a",)))
    (sent,) = [action for action in driver.request(SECRET, subscribe=("shop",)) if isinstance(action, Send)]
    assert "bad" not in repr(sent)
    refused = driver.request(SECRET, nonce=parse_response(sent.data).nonce, error="no key")
    assert [(a.detail, a.type_url) for a in refused if isinstance(a, Nacked)] == [("no key", SECRET)]
    assert not _lives(refused)
    mended = driver.sync(driver.snapshot(_with_secrets(2, shop=b"good")))
    assert _lives(mended) == [2]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (delta_request(CLUSTER, node="shop/other"), CloseCode.PERMISSION_DENIED),
        (delta_request(CLUSTER), CloseCode.INVALID_ARGUMENT),
        (b"\xff\xff", CloseCode.INVALID_ARGUMENT),
        (delta_request(ENDPOINT, node=NODE, subscribe=("x" * 513,)), CloseCode.INVALID_ARGUMENT),
        (
            delta_request(ENDPOINT, node=NODE, subscribe=tuple(str(i) for i in range(10_001))),
            CloseCode.INVALID_ARGUMENT,
        ),
    ],
)
def test_bad_clients_are_closed(data: bytes, code: CloseCode) -> None:
    driver = Driver()
    driver.snapshot(snapshot(1, {"a": "1"}))
    closed = driver.stream.on_request(data)[-1]
    assert isinstance(closed, Close)
    assert closed.code is code
    assert driver.stream.on_request(delta_request(CLUSTER, node=NODE)) == []


def test_too_many_names_in_several_requests() -> None:
    driver = Driver()
    driver.request(ENDPOINT, subscribe=tuple(f"a{i}" for i in range(9_000)))
    assert isinstance(driver.request(ENDPOINT, subscribe=tuple(f"b{i}" for i in range(9_000)))[-1], Close)


def test_state_of_the_world() -> None:
    driver = Driver(Protocol.STATE_OF_THE_WORLD)
    driver.snapshot(snapshot(1, {"a": "1"}, {"r": ("a",)}))
    clusters = parse_sotw_response(driver.request(CLUSTER)[1].data)
    assert len(clusters.resources) == 1
    endpoints = parse_sotw_response(driver.request(ENDPOINT, names=("a",))[0].data)
    driver.request(CLUSTER, nonce=clusters.nonce, version=clusters.version_info)
    driver.request(ENDPOINT, names=("a",), nonce=endpoints.nonce, version=endpoints.version_info)
    listeners = parse_sotw_response(driver.request(LISTENER)[0].data)
    driver.request(LISTENER, nonce=listeners.nonce, version=listeners.version_info)
    routes = parse_sotw_response(driver.request(ROUTE, names=("r",))[0].data)
    live = driver.request(ROUTE, names=("r",), nonce=routes.nonce, version=routes.version_info)
    assert live[-1] == Live(1)

    made = driver.snapshot(snapshot(2, {"b": "1"}, {"r": ("b",)}))
    both = parse_sotw_response(made[0].data)
    assert len(both.resources) == 2  # "a" lingers: leaving it out would remove it
    again = Driver(Protocol.STATE_OF_THE_WORLD)
    again.snapshot(snapshot(9, {"a": "1"}, {"r": ("a",)}))
    assert len(again.request(CLUSTER, version=clusters.version_info)) == 1  # only Connected: nothing to send


def test_nack_text_keeps_what_matters() -> None:
    assert nack_text("Error adding/updating listener(s) bad: x") == "Error adding/updating listener(s) bad: x"
    long = nack_text("Proto constraint validation failed\n" + "dump {\n" * 2000 + "the reason\n}\n")
    assert len(long) <= MAX_DETAIL
    assert long.startswith("Proto constraint")
    assert long.endswith("the reason")
    assert len(nack_text("x" * 9999)) <= MAX_DETAIL
    assert nack_text(" \n{\n")

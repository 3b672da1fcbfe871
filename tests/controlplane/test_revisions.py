"""What is said of a revision follows from what was observed, fact by fact."""

from __future__ import annotations

import time

import pytest

from meshweb.controlplane import hints, revisions
from meshweb.controlplane.observations import (
    Acked,
    Connected,
    Disconnected,
    Fact,
    Live,
    Nacked,
    Sent,
    forget_connections,
    record,
)
from meshweb.controlplane.publish import Publisher
from meshweb.controlplane.snapshot_store import prune
from meshweb.core.snapshot import TypeUrl
from meshweb.store.models import ConfigBlob, ConfigClass, MeshState, Proxy, Resource, ResourceStatus, Revision
from tests import factories as make

_LDS = TypeUrl.LISTENER.value


@pytest.fixture
def publisher(transactional_db: None) -> Publisher:
    """Two proxies whose first configuration is published as revision 1."""
    MeshState.objects.create(id=1)
    make.apply(make.namespace(), make.service("a"), make.service("b"), make.entry("w1", "127.0.0.3", app="a"))
    make.proxy("w1")
    make.proxy("w2")
    MeshState.objects.update(compile_epoch=1)
    made = Publisher()
    made.run()
    return made


def _change(publisher: Publisher) -> int:
    """A route: reaches both proxies."""
    outcome = make.apply(make.route("a", {"a": 1, "b": 1 + Revision.objects.count()}))
    publisher.run()
    assert outcome.revision is not None
    return outcome.revision


def _at() -> float:
    return time.time()


def _connect(proxy: str) -> Fact:
    return Connected(proxy, "x/1", "0.1.0", "1.40.0", _at())


def _state(number: int) -> tuple[str, dict[str, str]]:
    [standing] = revisions.standings([Revision.objects.get(number=number)])
    return standing.state, {fate.proxy: fate.state for fate in standing.fates}


def test_from_pending_to_live(publisher: Publisher) -> None:
    record([_connect("shop/w1"), _connect("shop/w2")])
    number = _change(publisher)
    assert _state(number) == ("pending", {"shop/w1": "pending", "shop/w2": "pending"})
    record(
        [
            Sent("shop/w1", _LDS, "v1", number, _at()),
            Acked("shop/w1", _LDS, "v1", number, _at()),
            Live("shop/w1", number, _at()),
        ]
    )
    assert _state(number) == ("pending", {"shop/w1": "live", "shop/w2": "pending"})
    record([Live("shop/w2", number, _at())])
    assert _state(number)[0] == "live"
    [standing] = revisions.standings([Revision.objects.get(number=number)])
    assert all(fate.millis is not None and fate.millis >= 0 for fate in standing.fates)


def test_who_is_not_connected_does_not_hold_a_revision_up(publisher: Publisher) -> None:
    record([_connect("shop/w1")])
    number = _change(publisher)
    record([Live("shop/w1", number, _at())])
    assert _state(number) == ("live", {"shop/w1": "live", "shop/w2": "disconnected"})


def test_refused_and_mended(publisher: Publisher) -> None:
    record([_connect("shop/w1"), _connect("shop/w2")])
    bad = _change(publisher)
    record(
        [
            Sent("shop/w1", _LDS, "v2", bad, _at()),
            Nacked("shop/w1", _LDS, "v2", bad, "cannot bind", _at()),
            Live("shop/w2", bad, _at()),
        ]
    )
    assert _state(bad) == ("rejected", {"shop/w1": "rejected", "shop/w2": "live"})
    [standing] = revisions.standings([Revision.objects.get(number=bad)])
    assert {fate.detail for fate in standing.fates if fate.state == "rejected"} == {"cannot bind"}
    programmed = revisions.programmed([(bad, 1)])[bad]
    assert (programmed["status"], programmed["reason"]) == ("False", "Invalid")

    good = _change(publisher)
    record([Sent("shop/w1", _LDS, "v3", good, _at()), Acked("shop/w1", _LDS, "v3", good, _at()), Live("shop/w1", good, _at())])
    record([Live("shop/w2", good, _at())])
    assert _state(good)[0] == "live"
    assert _state(bad)[0] == "live", "what it wanted is part of what is live now"


def test_replaced_before_it_was_live(publisher: Publisher) -> None:
    record([_connect("shop/w1")])
    first = _change(publisher)
    second = _change(publisher)
    record([Sent("shop/w1", _LDS, "v4", second, _at()), Nacked("shop/w1", _LDS, "v4", second, "no", _at())])
    assert (_state(first)[0], _state(second)[0]) == ("superseded", "rejected")


def test_revisions_compiled_together_share_their_fate(publisher: Publisher) -> None:
    record([_connect("shop/w1"), _connect("shop/w2")])
    one = make.apply(make.route("a", {"b": 100})).revision
    two = make.apply(make.route("a", {"b": 200})).revision
    assert one is not None
    assert two is not None
    publisher.run()
    record([Live("shop/w1", two, _at()), Live("shop/w2", two, _at())])
    assert (_state(one)[0], _state(two)[0]) == ("live", "live")


def test_a_skipped_revision_is_live_since_the_one_that_carried_it(publisher: Publisher) -> None:
    record([_connect("shop/w1"), _connect("shop/w2")])
    skipped, carried, newer = _change(publisher), _change(publisher), _change(publisher)
    record([Live(proxy, carried, 1_800_000_000.0) for proxy in ("shop/w1", "shop/w2")])
    record([Live(proxy, newer, 1_800_000_500.0) for proxy in ("shop/w1", "shop/w2")])
    [standing] = revisions.standings([Revision.objects.get(number=skipped)])
    assert standing.live_at is not None
    assert standing.live_at.timestamp() == 1_800_000_000.0


def test_an_old_stream_that_ends_late_does_not_disconnect_the_new_one(publisher: Publisher) -> None:
    record(
        [
            Connected("shop/w1", "x/1", "", "", _at()),
            Connected("shop/w1", "x/2", "", "", _at()),
            Disconnected("shop/w1", "x/1", _at()),
        ]
    )
    assert Proxy.objects.get(name="w1").stream == "x/2"
    forget_connections("x/")
    assert not Proxy.objects.get(name="w1").connected


def test_facts_about_strangers_are_dropped(publisher: Publisher) -> None:
    record([Live("no/body", 1, _at()), Sent("no/body", _LDS, "v", 1, _at())])


def test_wait_returns_when_it_is_decided(publisher: Publisher) -> None:
    record([_connect("shop/w1")])
    number = _change(publisher)
    begun = time.monotonic()
    assert revisions.wait(number, 0.3).state == "pending"
    assert time.monotonic() - begun >= 0.3
    record([Live("shop/w1", number, _at())])
    hints.publish(hints.STATUS_CHANNEL, "proxy")
    assert revisions.wait(number, 30).state == "live"


def test_publishing_twice_changes_nothing_and_undo_restores_the_class(publisher: Publisher) -> None:
    assert publisher.run() is None
    before = dict(Proxy.objects.values_list("id", "config_class"))
    make.apply(make.service("a", port=9999))
    changed = publisher.run()
    assert changed is not None
    assert changed.changed == {"shop/w1", "shop/w2"}
    make.apply(make.service("a"))
    publisher.run()
    assert dict(Proxy.objects.values_list("id", "config_class")) == before


def test_who_joins_later_gets_its_configuration(publisher: Publisher) -> None:
    _change(publisher)
    make.proxy("late")
    MeshState.objects.update(compile_epoch=2)
    published = publisher.run()
    assert published is not None
    assert published.changed == {"shop/late"}
    assert Proxy.objects.get(name="late").config_class


def test_another_process_can_take_over(publisher: Publisher) -> None:
    _change(publisher)
    MeshState.objects.update(compile_epoch=7)
    other = Publisher().run()
    assert other is not None
    assert other.changed == frozenset(), "the same intent gives the same classes in every process"


def test_conditions_are_stored_and_keep_their_time(publisher: Publisher) -> None:
    _change(publisher)
    resource = Resource.objects.get(kind="HTTPRoute")
    first = {c["type"]: c for c in ResourceStatus.objects.get(resource=resource).conditions}
    assert first["ResolvedRefs"]["status"] == "True"
    make.apply(make.route("a", {"ghost": 1}))
    publisher.run()
    second = {c["type"]: c for c in ResourceStatus.objects.get(resource=resource).conditions}
    assert second["ResolvedRefs"]["status"] == "False"
    assert second["Accepted"]["lastTransitionTime"] == first["Accepted"]["lastTransitionTime"]


def test_prune_keeps_what_somebody_holds(publisher: Publisher) -> None:
    for _ in range(3):
        _change(publisher)
    blobs = ConfigBlob.objects.count()
    MeshState.objects.update(config_serial=5000)
    removed = prune()
    assert removed["classes"] > 0
    assert removed["blobs"] > 0
    assert ConfigBlob.objects.count() < blobs
    held = set(Proxy.objects.values_list("config_class", flat=True))
    assert held <= set(ConfigClass.objects.values_list("key", flat=True))
    _change(publisher)
    assert ConfigBlob.objects.count() > 0, "what was pruned is stored again when it is needed"


def test_a_secret_is_in_use_when_its_certificate_was_seen(publisher: Publisher) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from meshweb.controlplane import proxies
    from meshweb.store.models import Certificate

    row, now = Proxy.objects.get(name="w1"), timezone.now()
    Certificate.objects.create(
        serial="ab1",
        proxy=row,
        spiffe_id=row.spiffe_id,
        not_before=now,
        not_after=now + timedelta(hours=1),
        issued_at=now,
        chain="",
    )

    def secrets() -> str:
        return next(t.state for t in proxies.facts([Proxy.objects.get(name="w1")])[0].types if t.type == "Secrets")

    assert secrets() == "pending"
    record([Connected("shop/w1", "x/1", "0.1.0", "1.40.0", _at(), "ab1")])
    assert secrets() == "synced"

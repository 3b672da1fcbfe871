"""Reports become buckets: each counted once, rolled up without loss, judged as it should be."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from meshweb.core.topology import Traffic, judge
from meshweb.store.mesh import current_mesh
from meshweb.store.models import (
    AccessRecord,
    BackendBucket,
    CalledPort,
    EdgeBucket,
    LimitBucket,
    LostAccessRecords,
    MeshState,
    Proxy,
)
from meshweb.telemetry import access_records, called_ports, denials, rate_limits, retention
from meshweb.telemetry.histogram import BOUNDS_MS, BUCKETS, quantile
from meshweb.telemetry.ingest import FINE, Arrival, bucket_start, ingest
from meshweb.telemetry.reports import Report
from meshweb.telemetry.series import series
from meshweb.telemetry.topology import topology
from meshweb.telemetry.traffic import Window, edges
from tests import factories as make


@pytest.fixture
def mesh(transactional_db: None) -> None:
    MeshState.objects.create(id=1)
    current_mesh().forget()


def _histogram(**counts: int) -> list[int]:
    return [counts.get(f"b{i}", 0) for i in range(BUCKETS)]


def _edge(service: str = "shop/pay", **changes: Any) -> dict[str, Any]:
    found = {"service": service, "port": 8080, "mtls": True, "classes": {"2": 9, "5": 1}, "histogram": _histogram(b3=10)}
    return {**found, **changes}


def _report(sequence: int, **fields: Any) -> Report:
    return Report.model_validate({"sequence": sequence, "seconds": 5.0, **fields})


def test_a_report_counts_once(mesh: None) -> None:
    make.proxy("web", services=["shop/web"])
    at = time.time()
    first = Arrival("shop/web", _report(1, edges=[_edge()], received=3), at)
    ingest([first])
    ingest([first, Arrival("shop/web", _report(2, edges=[_edge()]), at)])
    row = EdgeBucket.objects.get()
    assert (row.source, row.destination) == ("shop/web", "shop/pay")
    assert (row.c2xx, row.c5xx, row.mtls, row.plain) == (18, 2, 20, 0)
    assert row.histogram[3] == 20
    proxy = Proxy.objects.get()
    assert proxy.report_sequence == 2
    assert proxy.first_request_at is not None


def test_a_stranger_and_a_removed_proxy_count_nothing(mesh: None) -> None:
    make.proxy("gone", revoked_at=timezone.now())
    ingest([Arrival("shop/gone", _report(1, edges=[_edge()]), time.time()), Arrival("no/body", _report(1), time.time())])
    assert EdgeBucket.objects.count() == 0


def test_denials_are_counted_on_the_edge_of_the_caller(mesh: None) -> None:
    make.proxy("web", services=["shop/web"])
    make.proxy("pay", services=["shop/pay", "shop/pay-v2"])
    denials = [
        {"source": "spiffe://cluster.local/ns/shop/sa/web", "port": 8080, "count": 4},
        {"source": "", "port": 8080, "count": 1},
    ]
    ingest([Arrival("shop/pay", _report(1, denials=denials), time.time())])
    found = {(e.source, e.destination): e.denied for e in EdgeBucket.objects.all()}
    assert found == {("shop/web", "shop/pay"): 4, ("unknown", "shop/pay"): 1}


_RECORD = {"source": "spiffe://cluster.local/ns/shop/sa/web", "port": 8080, "policy": "ns[shop]-policy[p]-rule[2]"}


def test_each_access_record_is_kept_once_and_in_its_time(mesh: None) -> None:
    make.proxy("web", services=["shop/web"])
    make.proxy("pay", services=["shop/pay"])
    at = time.time()
    records = [
        {**_RECORD, "at": at - 5, "allowed": True, "method": "GET", "path": "/x", "status": 200},
        {**_RECORD, "at": at + 3600, "allowed": False, "source": ""},
        {**_RECORD, "at": at, "allowed": True, "policy": "mtls"},
    ]
    report = Arrival("shop/pay", _report(1, accessRecords=records, accessRecordsLost=3), at)
    ingest([report])
    ingest([report])
    found = AccessRecord.objects.order_by("at")
    assert [(r.source, r.destination, r.workload, r.policy, r.rule, r.allowed, r.path, r.status) for r in found] == [
        ("shop/web", "shop/pay", "shop/pay", "shop/p", 2, True, "/x", 200),
        ("unknown", "shop/pay", "shop/pay", "shop/p", 2, False, "", 0),
    ]
    now = datetime.fromtimestamp(at, UTC)
    assert found[1].at == now, "no clock is ahead of the control plane's"
    assert access_records.lost(now - timedelta(minutes=1), now + timedelta(minutes=1)) == 3


def test_access_records_go_when_they_are_old_or_too_many(mesh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    rows = [
        AccessRecord(
            at=now - age, source="a/b", destination="c/d", workload="c/e", port=1, status=0, policy="c/p", rule=0, allowed=True
        )
        for age in (timedelta(days=8), timedelta(hours=3), timedelta(hours=2), timedelta(hours=1))
    ]
    AccessRecord.objects.bulk_create(rows)
    LostAccessRecords.objects.create(start=now - timedelta(days=8), workload="c/e", records=1)
    monkeypatch.setattr(access_records, "MOST", 2)
    assert access_records.prune() == 3
    assert AccessRecord.objects.count() == 2
    assert AccessRecord.objects.order_by("at")[0].at == now - timedelta(hours=2)


def test_denials_name_the_rule(mesh: None) -> None:
    make.proxy("web", services=["shop/web"])
    make.proxy("pay", services=["shop/pay"])
    web = {"source": "spiffe://cluster.local/ns/shop/sa/web", "port": 8080}
    found = [
        {**web, "policy": "ns[shop]-policy[deny-admin]-rule[1]", "count": 3},
        {**web, "policy": "", "count": 2},
        {**web, "policy": "ns[shop]-policy[tried]-rule[0]", "dryRun": True, "count": 5},
        {**web, "policy": "ns[shop]-policy[tried]-rule[999999]", "dryRun": True, "count": 1},
    ]
    at = time.time()
    ingest([Arrival("shop/pay", _report(1, denials=found), at)])
    start = bucket_start(at, FINE)
    denied = denials.denied(start, start + timedelta(seconds=FINE), destination="shop/pay")
    assert [(d.source, d.reason.policy, d.reason.rule, d.reason.dry_run, d.requests) for d in denied] == [
        ("shop/web", "shop/tried", 0, True, 5),
        ("shop/web", "shop/deny-admin", 1, False, 3),
        ("shop/web", "", -1, False, 2),
        ("shop/web", "", -1, True, 1),
    ]
    assert EdgeBucket.objects.get().denied == 5, "what a dry run would deny is not denied"
    assert denials.denied(start, start + timedelta(seconds=FINE), source="shop/pay") == []


def test_the_ports_that_were_called_are_known_for_a_day(mesh: None) -> None:
    make.proxy("web", services=["shop/web"])
    at = time.time()
    backends = [{"service": "shop/pay", "port": port, "classes": {"2": 1}, "histogram": _histogram()} for port in (8080, 9000)]
    ingest([Arrival("shop/web", _report(1, backends=backends), at - 600)])
    ingest([Arrival("shop/web", _report(2, backends=backends[:1]), at)])
    now = datetime.fromtimestamp(at, UTC)
    assert called_ports.since(now - timedelta(hours=1)) == {("shop/web", "shop/pay"): frozenset({8080, 9000})}
    assert called_ports.since(now - timedelta(minutes=5)) == {("shop/web", "shop/pay"): frozenset({8080})}
    retention.prune()
    assert CalledPort.objects.count() == 2
    CalledPort.objects.filter(port=9000).update(last=now - timedelta(days=2))
    retention.prune()
    assert [row.port for row in CalledPort.objects.all()] == [8080]


def test_what_rate_limits_did_is_summed(mesh: None) -> None:
    make.proxy("web", services=["shop/web"])
    make.proxy("pay", services=["shop/pay"])
    limits = [{"document": "shop/a", "limited": 3, "unanswered": 1}, {"document": "shop/b", "shadowed": 2}]
    at = time.time()
    arrivals = [Arrival(proxy, _report(1, limits=limits), at) for proxy in ("shop/web", "shop/pay")]
    ingest(arrivals)
    ingest(arrivals)
    found = rate_limits.recent(["shop/a", "shop/b", "shop/c"], timedelta(minutes=1))
    assert {d: (c.limited, c.shadowed, c.unanswered) for d, c in found.items()} == {
        "shop/a": (6, 0, 2),
        "shop/b": (0, 4, 0),
        "shop/c": (0, 0, 0),
    }
    assert found["shop/a"].unanswered_since == bucket_start(at, FINE)
    assert found["shop/b"].unanswered_since is None
    LimitBucket.objects.update(start=F("start") - timedelta(hours=2))
    retention.prune()
    assert not LimitBucket.objects.exists()


@pytest.mark.parametrize(
    ("before", "now", "moves"),
    [("unknown", "healthy", 0), ("healthy", "unhealthy", 1), ("unhealthy", "healthy", 1), ("unhealthy", "unhealthy", 0)],
)
def test_health_that_moves_compiles_again(mesh: None, before: str, now: str, moves: int) -> None:
    make.proxy("web", health_state=before)
    moved = ingest([Arrival("shop/web", _report(1, health={"state": now, "reason": "r"}), time.time())])
    assert len(moved) == moves
    assert MeshState.objects.get().compile_epoch == moves
    assert Proxy.objects.get().health_state == now


def test_minutes_are_rolled_up_once_and_old_rows_go(mesh: None) -> None:
    make.proxy("web", services=["shop/web"])
    start = time.time() // 60 * 60 - 300
    backend = {"service": "shop/pay-v2", "port": 8080, "classes": {"2": 5}, "histogram": _histogram(b1=5)}
    for index in range(6):
        ingest([Arrival("shop/web", _report(index + 1, edges=[_edge()], backends=[backend]), start + index * 10)])
    assert retention.roll_up() == 1
    assert retention.roll_up() == 0
    coarse = EdgeBucket.objects.get(resolution=60)
    assert (coarse.c2xx, coarse.c5xx, coarse.histogram[3]) == (54, 6, 60)
    assert BackendBucket.objects.get(resolution=60).c2xx == 30
    EdgeBucket.objects.filter(resolution=10).update(start=F("start") - timedelta(hours=2))
    retention.prune()
    assert not EdgeBucket.objects.filter(resolution=10).exists()
    assert EdgeBucket.objects.filter(resolution=60).exists()


def test_the_graph_of_a_window(mesh: None) -> None:
    make.apply(
        make.namespace(),
        *(make.service(name) for name in ("web", "pay", "pay-v1", "pay-v2")),
        make.entry("pay-1", "127.0.0.9", app="pay"),
        make.route("pay", {"pay-v1": 90, "pay-v2": 10}),
    )
    make.proxy("web", services=["shop/web"], stream="s", health_at=timezone.now())
    make.proxy("pay-1", services=["shop/pay"])
    at = time.time() // 10 * 10 - 10
    backends = [
        {"service": "shop/pay-v1", "port": 8080, "classes": {"2": 80}, "histogram": _histogram(b2=80)},
        {"service": "shop/pay-v2", "port": 8080, "classes": {"2": 15, "5": 5}, "histogram": _histogram(b2=20)},
    ]
    edge = _edge(classes={"2": 95, "5": 5}, histogram=_histogram(b2=100))
    ingest([Arrival("shop/web", _report(1, edges=[edge], backends=backends), at)])
    found = topology(Window.ending(timezone.now(), timedelta(seconds=60)))
    nodes = {node.id: node for node in found.nodes}
    assert set(nodes) == {"shop/web", "shop/pay"}, "backends of a route are versions, not nodes"
    pay = nodes["shop/pay"]
    assert (pay.health, pay.reason) == ("bad", "5.0 % err")
    assert (pay.workloads.total, pay.workloads.healthy, pay.workloads.connected) == (1, 1, 0)
    assert [(v.service, v.weight, v.share) for v in pay.versions] == [("shop/pay-v1", 0.9, 0.8), ("shop/pay-v2", 0.1, 0.2)]
    [only] = found.edges
    assert (only.source, only.destination, only.sums.requests, only.sums.encrypted) == ("shop/web", "shop/pay", 100, True)
    assert (found.reporting, found.connected) == (1, 1)


@pytest.mark.parametrize(("asked", "seconds"), [(10, 10), (15, 20), (60, 60), (65, 70)])
def test_a_window_is_whole_buckets(asked: int, seconds: int) -> None:
    window = Window.ending(timezone.now(), timedelta(seconds=asked))
    assert (window.seconds, window.start.timestamp() % 10) == (seconds, 0)


def test_a_long_window_holds_also_the_minutes_that_are_not_rolled_up(mesh: None) -> None:
    make.proxy("web", services=["shop/web"])
    minute = time.time() // 60 * 60
    ingest([Arrival("shop/web", _report(1, edges=[_edge()]), minute - 600)])
    retention.roll_up()
    ingest([Arrival("shop/web", _report(2, edges=[_edge()]), minute - 60)])
    assert EdgeBucket.objects.filter(resolution=60).count() == 1
    window = Window.ending(timezone.now(), timedelta(hours=3))
    assert [sums.requests for sums in edges(window).values()] == [20]
    points = [p for p in series(window, timedelta(minutes=1), source="shop/web") if p.sums is not None]
    assert [p.sums.requests for p in points if p.sums is not None] == [10, 10]


@pytest.mark.parametrize(("step", "seconds"), [(10, 10), (15, 20), (60, 60)])
def test_every_point_of_a_series_holds_as_much_time(mesh: None, step: int, seconds: int) -> None:
    make.proxy("web", services=["shop/web"])
    now = time.time() // 10 * 10
    for number in range(1, 60):
        ingest([Arrival("shop/web", _report(number, edges=[_edge()]), now - number * 10)])
    window = Window.ending(datetime.fromtimestamp(now + 1, UTC), timedelta(minutes=5))
    points = series(window, timedelta(seconds=step), source="shop/web")
    assert {p.sums.requests if p.sums is not None else None for p in points} == {seconds}
    assert points[0].at <= window.start


JUDGEMENTS: list[tuple[Traffic, str]] = [
    (Traffic(0, 0, 0, None, None), "idle"),
    (Traffic(19, 19, 0, 1, None), "unknown"),
    (Traffic(100, 0, 0, 10, 9), "ok"),
    (Traffic(1000, 9, 0, 10, 9), "ok"),
    (Traffic(1000, 10, 0, 10, 9), "warn"),
    (Traffic(1000, 50, 0, 10, 9), "bad"),
    (Traffic(100, 0, 0, 100, 49), "warn"),
    (Traffic(100, 0, 0, 4, 1), "ok"),
    (Traffic(100, 0, 100, 1, None), "deny"),
    (Traffic(0, 0, 3, None, None), "deny"),
    (Traffic(100, 0, 10, 1, None), "ok"),
]


@pytest.mark.parametrize(("traffic", "health"), JUDGEMENTS)
def test_judgement(traffic: Traffic, health: str) -> None:
    assert judge(traffic).health == health


QUANTILES: list[tuple[list[int], float, float | None]] = [
    (_histogram(), 0.5, None),
    (_histogram(b0=10), 0.5, 0.5),
    (_histogram(b3=100), 0.95, 9.75),
    (_histogram(b13=1), 0.5, BOUNDS_MS[-1]),
    (_histogram(b0=50, b4=50), 0.5, 1.0),
]


@pytest.mark.parametrize(("histogram", "q", "expected"), QUANTILES)
def test_quantiles(histogram: list[int], q: float, expected: float | None) -> None:
    assert quantile(histogram, q) == expected

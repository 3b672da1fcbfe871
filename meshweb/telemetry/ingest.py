"""Reports into buckets: many reports, one transaction, each report counted once."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from meshweb.store.models import AccessRecord, MeshState, Proxy
from meshweb.telemetry import access_records, called_ports, denials, endpoints, rate_limits
from meshweb.telemetry.denials import Reason
from meshweb.telemetry.histogram import BUCKETS, add
from meshweb.telemetry.rate_limits import Limits
from meshweb.telemetry.reports import Backend, Report

log = logging.getLogger(__name__)

FINE = 10
"""Seconds of the finest bucket."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A report, whose it is, and when it came (UNIX seconds)."""

    proxy: str
    report: Report
    at: float


@dataclass(slots=True)
class _Sum:
    classes: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    denied: int = 0
    mtls: int = 0
    plain: int = 0
    histogram: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    def count(self, part: Backend) -> int:
        for index, digit in enumerate(("2", "3", "4", "5")):
            self.classes[index] += part.classes.get(digit, 0)  # type: ignore[call-overload]  # a loop over the very literals
        self.histogram = add(self.histogram, part.histogram)
        return sum(part.classes.values())


class _Batch:
    """Sums of a batch by bucket and pair."""

    def __init__(self, proxies: dict[str, Proxy], by_identity: dict[str, str]) -> None:
        self._proxies, self._by_identity = proxies, by_identity
        self.edges: defaultdict[tuple[datetime, str, str], _Sum] = defaultdict(_Sum)
        self.backends: defaultdict[tuple[datetime, str, str], _Sum] = defaultdict(_Sum)
        self.ports: dict[tuple[str, str, int], datetime] = {}
        self.limits: defaultdict[tuple[datetime, str], Limits] = defaultdict(Limits)
        self.denials: Counter[tuple[datetime, str, str, Reason]] = Counter()
        self.reporting: set[datetime] = set()
        self.records: list[AccessRecord] = []
        self.records_lost: Counter[tuple[datetime, str]] = Counter()

    def add(self, arrival: Arrival) -> None:
        start = bucket_start(arrival.at, FINE)
        self.reporting.add(start)
        own = calls_as(self._proxies[arrival.proxy])
        for edge in arrival.report.edges:
            total = self.edges[start, own, edge.service]
            count = total.count(edge)
            if edge.mtls is True:
                total.mtls += count
            elif edge.mtls is False:
                total.plain += count
        for backend in arrival.report.backends:
            self.backends[start, own, backend.service].count(backend)
            self.ports[own, backend.service, backend.port] = start
        for limits in arrival.report.limits:
            self.limits[start, limits.document].add(limits)
        for denial in arrival.report.denials:
            caller = self._by_identity.get(denial.source, "") or "unknown"
            self.denials[start, caller, own, denials.reason_of(denial)] += denial.count
            if not denial.dry_run:
                self.edges[start, caller, own].denied += denial.count
        self._add_records(arrival, own, start)

    def _add_records(self, arrival: Arrival, own: str, start: datetime) -> None:
        came = datetime.fromtimestamp(arrival.at, UTC)
        for record in arrival.report.access_records:
            caller = self._by_identity.get(record.source, "") or "unknown"
            found = access_records.record_of(record, source=caller, destination=own, workload=arrival.proxy, came=came)
            if found is not None:
                self.records.append(found)
        if arrival.report.access_records_lost:
            self.records_lost[start, arrival.proxy] += arrival.report.access_records_lost


def calls_as(proxy: Proxy) -> str:
    """Under which name a proxy's own calls are counted: its most general service, or the workload itself when it backs none."""
    return proxy.services[0] if proxy.services else proxy.id


def bucket_start(at: float, seconds: int) -> datetime:
    return datetime.fromtimestamp(int(at // seconds) * seconds, UTC)


def ingest(arrivals: Sequence[Arrival]) -> frozenset[str]:
    """Counts what was not counted yet. The sequence number moves in the same transaction as the counts.

    Returns the proxies that became unhealthy, or are so no longer: their endpoints must be compiled again.
    """
    ids = sorted({arrival.proxy for arrival in arrivals})
    moved = _health_moves(arrivals)
    with transaction.atomic():
        if moved:
            # Before the proxies, as everywhere: whoever holds a proxy's row never waits for the state of the mesh.
            MeshState.objects.filter(id=1).update(compile_epoch=F("compile_epoch") + 1)
        locked = Proxy.objects.select_for_update(no_key=True).filter(id__in=ids, revoked_at=None).order_by("id")
        proxies = {row.id: row for row in locked}
        fresh = []
        for arrival in sorted(arrivals, key=lambda a: (a.proxy, a.report.sequence)):
            row = proxies.get(arrival.proxy)
            if row is not None and arrival.report.sequence > row.report_sequence:
                row.report_sequence = arrival.report.sequence
                fresh.append(arrival)
        batch = _Batch(proxies, _callers(fresh))
        for arrival in fresh:
            batch.add(arrival)
        _store_edges(batch)
        _store_backends(batch)
        called_ports.store(batch.ports)
        rate_limits.store(batch.limits)
        denials.store(batch.denials)
        access_records.store(batch.records, batch.records_lost)
        _store_reporting(batch)
        # Health is true also in a report that was counted before.
        _store_facts(arrivals, proxies)
        endpoints.store(_last_seen(arrivals, proxies))
    return moved


def _health_moves(arrivals: Sequence[Arrival]) -> frozenset[str]:
    last = {a.proxy: a.report.health.state for a in sorted(arrivals, key=lambda a: a.at)}
    known = Proxy.objects.filter(id__in=last).values_list("id", "health_state")
    return frozenset(proxy for proxy, state in known if (state == "unhealthy") != (last[proxy] == "unhealthy"))


def _callers(arrivals: Sequence[Arrival]) -> dict[str, str]:
    """SPIFFE ID -> under which name that identity's calls are counted. Several proxies of one identity share it."""
    identities = {denial.source for arrival in arrivals for denial in arrival.report.denials if denial.source}
    identities |= {record.source for arrival in arrivals for record in arrival.report.access_records if record.source}
    rows = Proxy.objects.filter(spiffe_id__in=identities).order_by("-id") if identities else ()
    return {row.spiffe_id: calls_as(row) for row in rows}


def _last_seen(arrivals: Sequence[Arrival], proxies: dict[str, Proxy]) -> dict[str, endpoints.Sight]:
    found: dict[str, endpoints.Sight] = {}
    for arrival in sorted(arrivals, key=lambda a: a.at):
        seen = arrival.report.endpoints
        if arrival.proxy in proxies and seen is not None and seen.states is not None:
            at = datetime.fromtimestamp(arrival.at, UTC) - timedelta(seconds=seen.age)
            found[arrival.proxy] = endpoints.Sight({(s.service, s.port, s.address): s.state for s in seen.states}, at)
    return found


def _store_facts(arrivals: Sequence[Arrival], proxies: dict[str, Proxy]) -> None:
    touched: dict[str, Proxy] = {}
    for arrival in sorted(arrivals, key=lambda a: a.at):
        row = proxies.get(arrival.proxy)
        if row is None:
            continue
        report, at = arrival.report, datetime.fromtimestamp(arrival.at, UTC)
        row.health_at = at
        row.health_state, row.health_reason = report.health.state, report.health.reason
        if report.received and row.first_request_at is None:
            row.first_request_at = at
        row.last_seen = at
        if report.endpoints is not None:
            row.endpoints_at = at - timedelta(seconds=report.endpoints.age)
        touched[row.id] = row
    Proxy.objects.bulk_update(
        touched.values(),
        ["report_sequence", "health_state", "health_reason", "health_at", "first_request_at", "last_seen", "endpoints_at"],
        batch_size=200,
    )


_SUM_HISTOGRAMS = (
    "(SELECT array_agg(a + b ORDER BY i) FROM unnest({table}.histogram, excluded.histogram) WITH ORDINALITY AS t(a, b, i))"
)


def _store_edges(batch: _Batch) -> None:
    rows = [
        (FINE, start, source, destination, *s.classes, s.denied, s.mtls, s.plain, s.histogram)
        for (start, source, destination), s in sorted(batch.edges.items())
    ]
    upsert_edges(rows)


def upsert_edges(rows: Sequence[tuple[Any, ...]]) -> None:
    """Adds to buckets. Row: resolution, start, source, destination, 2xx, 3xx, 4xx, 5xx, denied, mtls, plain, histogram."""
    columns = ("c2xx", "c3xx", "c4xx", "c5xx", "denied", "mtls", "plain")
    _upsert("store_edgebucket", ("resolution", "start", "source", "destination"), columns, rows)


def upsert_backends(rows: Sequence[tuple[Any, ...]]) -> None:
    """Row: resolution, start, source, backend, 2xx, 3xx, 4xx, 5xx, histogram."""
    _upsert("store_backendbucket", ("resolution", "start", "source", "backend"), ("c2xx", "c3xx", "c4xx", "c5xx"), rows)


def _store_backends(batch: _Batch) -> None:
    upsert_backends(
        [
            (FINE, start, source, backend, *s.classes, s.histogram)
            for (start, source, backend), s in sorted(batch.backends.items())
        ]
    )


def _upsert(table: str, key: tuple[str, ...], sums: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """All names are constants of this module; the values travel as parameters."""
    if not rows:
        return
    names = ", ".join((*key, *sums, "histogram"))
    places = ", ".join(["%s"] * (len(key) + len(sums) + 1))
    added = ", ".join(f"{c} = {table}.{c} + excluded.{c}" for c in sums)
    statement = (
        f"INSERT INTO {table} ({names}) VALUES ({places}) ON CONFLICT ({', '.join(key)}) "  # noqa: S608 - constants only
        f"DO UPDATE SET {added}, histogram = {_SUM_HISTOGRAMS.format(table=table)}"
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def _store_reporting(batch: _Batch) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO store_telemetryreport (start, last_at) VALUES (%s, now()) ON CONFLICT (start) DO UPDATE SET last_at = now()",
            [(start,) for start in sorted(batch.reporting)],
        )

"""Sums of buckets over a window, by edge and by backend."""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from meshweb.core.topology import Traffic
from meshweb.store.models import BackendBucket, EdgeBucket
from meshweb.telemetry.histogram import BUCKETS, add, quantile
from meshweb.telemetry.ingest import FINE, bucket_start
from meshweb.telemetry.retention import COARSE, FINE_LIFE, newest_minute

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Window:
    """From (in) to (out), on bucket boundaries. The bucket that is still being filled is not part of it."""

    start: datetime
    end: datetime
    resolution: int

    @classmethod
    def ending(cls, at: datetime, length: timedelta) -> Window:
        """The last whole buckets before `at`, at least `length` of them: fine ones for the last hour, coarse ones for what is older."""
        fine = at - length > timezone.now() - FINE_LIFE - timedelta(minutes=1)
        resolution = FINE if fine else COARSE
        end = bucket_start(at.timestamp(), resolution)
        # Part of a bucket would be time without its counts.
        buckets = max(math.ceil(length.total_seconds() / resolution), 1)
        return cls(end - timedelta(seconds=buckets * resolution), end, resolution)

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


@dataclass(slots=True)
class Sums:
    """Counts of one pair. `classes`: 2xx, 3xx, 4xx, 5xx."""

    classes: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    denied: int = 0
    mtls: int = 0
    plain: int = 0
    histogram: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    last: datetime | None = None

    @property
    def requests(self) -> int:
        return sum(self.classes)

    @property
    def errors(self) -> int:
        return self.classes[3]

    @property
    def encrypted(self) -> bool | None:
        """None: not observed. False as soon as one call was not."""
        if self.plain:
            return False
        return True if self.mtls else None

    def take(self, row: EdgeBucket | BackendBucket) -> None:
        self.classes = add(self.classes, (row.c2xx, row.c3xx, row.c4xx, row.c5xx))
        self.histogram = add(self.histogram, row.histogram)
        if isinstance(row, EdgeBucket):
            self.denied += row.denied
            self.mtls += row.mtls
            self.plain += row.plain
        if self.last is None or row.start > self.last:
            self.last = row.start

    def merge(self, other: Sums) -> None:
        self.classes = add(self.classes, other.classes)
        self.histogram = add(self.histogram, other.histogram)
        self.denied += other.denied
        self.mtls += other.mtls
        self.plain += other.plain
        self.last = max((t for t in (self.last, other.last) if t is not None), default=None)

    def quantile(self, q: float) -> float | None:
        return quantile(self.histogram, q)

    def traffic(self, usual_p95: float | None) -> Traffic:
        return Traffic(self.requests, self.errors, self.denied, self.quantile(0.95), usual_p95)


def _summed(rows: Iterable[tuple[Pair, EdgeBucket | BackendBucket]]) -> dict[Pair, Sums]:
    found: defaultdict[Pair, Sums] = defaultdict(Sums)
    for pair, row in rows:
        found[pair].take(row)
    return dict(found)


def buckets_of(window: Window) -> Q:
    """Which rows of EdgeBucket or BackendBucket a window covers. Minutes that are not rolled up yet are there as fine buckets only."""
    inside = Q(start__gte=window.start, start__lt=window.end)
    if window.resolution == FINE:
        return inside & Q(resolution=FINE)
    newest = newest_minute()
    if newest is None:
        return inside & Q(resolution=FINE)
    rolled = newest + timedelta(seconds=COARSE)
    return inside & (Q(resolution=COARSE, start__lt=rolled) | Q(resolution=FINE, start__gte=rolled))


def edges(window: Window) -> dict[Pair, Sums]:
    """By (source, destination)."""
    rows = EdgeBucket.objects.filter(buckets_of(window))
    return _summed(((row.source, row.destination), row) for row in rows.iterator())


def backends(window: Window) -> dict[Pair, Sums]:
    """By (source, backend service)."""
    rows = BackendBucket.objects.filter(buckets_of(window))
    return _summed(((row.source, row.backend), row) for row in rows.iterator())


class _Usual:
    """p95 of each edge over the last hour of whole minutes; read once a minute and process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute: datetime | None = None
        self._found: dict[Pair, list[int]] = {}

    def histograms(self, at: datetime) -> dict[Pair, list[int]]:
        minute = bucket_start(at.timestamp(), COARSE)
        with self._lock:
            if self._minute != minute:
                start = minute - timedelta(hours=1)
                rows = EdgeBucket.objects.filter(resolution=COARSE, start__gte=start, start__lt=minute)
                found: defaultdict[Pair, list[int]] = defaultdict(lambda: [0] * BUCKETS)
                for source, destination, histogram in rows.values_list("source", "destination", "histogram"):
                    found[source, destination] = add(found[source, destination], histogram)
                self._minute, self._found = minute, dict(found)
            return self._found


_usual = _Usual()


def usual(at: datetime) -> dict[Pair, list[int]]:
    """Histograms of the hour before `at`, by edge."""
    return _usual.histograms(at)

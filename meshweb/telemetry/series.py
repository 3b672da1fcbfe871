"""Time series of edges: one point per step, and no point where nothing was reported."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from meshweb.store.models import EdgeBucket, TelemetryReport
from meshweb.telemetry.ingest import bucket_start
from meshweb.telemetry.traffic import Sums, Window, buckets_of

MAX_POINTS = 1500


@dataclass(frozen=True, slots=True)
class Point:
    """`sums` None: no proxy reported in this step."""

    at: datetime
    sums: Sums | None


def series(window: Window, step: timedelta, *, source: str = "", destination: str = "") -> list[Point]:
    """Sum over all edges that fit, one point for each whole step that ends inside the window. Raises ValueError for more than
    MAX_POINTS points."""
    seconds = step_seconds(window, step)
    if window.seconds / seconds > MAX_POINTS:
        raise ValueError(f"more than {MAX_POINTS} points: use a longer step")
    first = bucket_start(window.start.timestamp(), seconds)
    window = replace(
        window, start=first, end=max(bucket_start(window.end.timestamp(), seconds), first + timedelta(seconds=seconds))
    )
    rows = EdgeBucket.objects.filter(buckets_of(window))
    if source:
        rows = rows.filter(source=source)
    if destination:
        rows = rows.filter(destination=destination)
    found: defaultdict[datetime, Sums] = defaultdict(Sums)
    for row in rows.iterator():
        found[bucket_start(row.start.timestamp(), seconds)].take(row)
    reports = TelemetryReport.objects.filter(start__gte=window.start, start__lt=window.end).values_list("start", flat=True)
    reported = {bucket_start(start.timestamp(), seconds) for start in reports}
    points, at = [], first
    while at < window.end:
        points.append(Point(at, found[at] if at in found else Sums() if at in reported else None))
        at += timedelta(seconds=seconds)
    return points


def step_seconds(window: Window, step: timedelta) -> int:
    """Whole buckets: of others some steps would hold more of them than their neighbours."""
    return max(math.ceil(step.total_seconds() / window.resolution), 1) * window.resolution


def last_call() -> tuple[str, str, datetime] | None:
    """The newest edge on which anything was seen: source, destination, when."""
    row = EdgeBucket.objects.order_by("-start", "-id").only("source", "destination", "start").first()
    return (row.source, row.destination, row.start) if row is not None else None

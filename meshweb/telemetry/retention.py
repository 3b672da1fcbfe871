"""Fine buckets become coarse ones, and old ones go."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from meshweb.store.models import BackendBucket, CalledPort, DenialBucket, EdgeBucket, LimitBucket, TelemetryReport
from meshweb.telemetry import access_records
from meshweb.telemetry.ingest import FINE, bucket_start, upsert_backends, upsert_edges

COARSE = 60
FINE_LIFE = timedelta(hours=1)
COARSE_LIFE = timedelta(days=1)
_SETTLE = timedelta(seconds=30)
"""Reports that come late still belong into their minute for so long."""


def roll_up() -> int:
    """Sums finished minutes that have no coarse bucket yet. How many minutes there were."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('meshweb telemetry'))")
        newest = newest_minute()
        end = bucket_start((timezone.now() - _SETTLE).timestamp(), COARSE)
        first = newest + timedelta(seconds=COARSE) if newest is not None else timezone.now() - FINE_LIFE
        span = {"resolution": FINE, "start__gte": first, "start__lt": end}
        edges = list(EdgeBucket.objects.filter(**span).order_by("id"))
        backends = list(BackendBucket.objects.filter(**span).order_by("id"))
        upsert_edges(
            [(COARSE, _minute(e), e.source, e.destination, *_classes(e), e.denied, e.mtls, e.plain, e.histogram) for e in edges]
        )
        upsert_backends([(COARSE, _minute(b), b.source, b.backend, *_classes(b), b.histogram) for b in backends])
        return len({_minute(row) for row in edges} | {_minute(row) for row in backends})


def newest_minute() -> datetime | None:
    """The last minute that is rolled up: what is older is complete in coarse buckets, what is younger in fine ones."""
    rows = (model.objects.filter(resolution=COARSE).order_by("-start").first() for model in (EdgeBucket, BackendBucket))
    return max((row.start for row in rows if row is not None), default=None)


def _minute(row: EdgeBucket | BackendBucket) -> object:
    return bucket_start(row.start.timestamp(), COARSE)


def _classes(row: EdgeBucket | BackendBucket) -> tuple[int, int, int, int]:
    return (row.c2xx, row.c3xx, row.c4xx, row.c5xx)


def prune() -> int:
    """Deletes what is past its time. How many rows."""
    now, gone = timezone.now(), 0
    for resolution, life in ((FINE, FINE_LIFE), (COARSE, COARSE_LIFE)):
        for model in (EdgeBucket, BackendBucket):
            gone += model.objects.filter(resolution=resolution, start__lt=now - life).delete()[0]
    gone += sum(model.objects.filter(start__lt=now - FINE_LIFE).delete()[0] for model in (LimitBucket, DenialBucket))
    gone += CalledPort.objects.filter(last__lt=now - COARSE_LIFE).delete()[0]
    gone += access_records.prune()
    return gone + TelemetryReport.objects.filter(start__lt=now - COARSE_LIFE).delete()[0]

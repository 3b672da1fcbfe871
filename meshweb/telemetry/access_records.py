"""Calls that AUDIT policies asked to be recorded, one by one, and how many there was no room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import QuerySet, Sum
from django.utils import timezone

from meshweb.core.envoy.rbac import policy_of
from meshweb.store.models import AccessRecord, LostAccessRecords
from meshweb.telemetry import reports

LIFE = timedelta(days=7)
MOST = 1_000_000
"""Records that are kept; of more the oldest go."""


def record_of(
    record: reports.AccessRecord, *, source: str, destination: str, workload: str, came: datetime
) -> AccessRecord | None:
    """None: what is recorded is no rule's. A clock that is ahead counts as that of the control plane."""
    found = policy_of(record.policy)
    if found is None:
        return None
    document, rule = found
    return AccessRecord(
        at=min(datetime.fromtimestamp(record.at, UTC), came),
        identity=record.source,
        source=source,
        destination=destination,
        workload=workload,
        port=record.port,
        method=record.method,
        path=record.path,
        status=record.status,
        policy=f"{document.namespace}/{document.name}",
        rule=rule,
        allowed=record.allowed,
    )


def store(records: Sequence[AccessRecord], lost: Counter[tuple[datetime, str]]) -> None:
    """lost: by start of the bucket and workload."""
    AccessRecord.objects.bulk_create(records, batch_size=500)
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO store_lostaccessrecords AS held (start, workload, records) VALUES (%s, %s, %s) "
            "ON CONFLICT (start, workload) DO UPDATE SET records = held.records + excluded.records",
            [(start, workload, count) for (start, workload), count in sorted(lost.items())],
        )


def recorded(start: datetime, end: datetime, wanted: Mapping[str, object]) -> QuerySet[AccessRecord]:
    """From `start` (in) to `end` (out). wanted: fields of `AccessRecord`."""
    return AccessRecord.objects.filter(at__gte=start, at__lt=end, **wanted)


def lost(start: datetime, end: datetime) -> int:
    rows = LostAccessRecords.objects.filter(start__gte=start - timedelta(seconds=10), start__lt=end)
    return int(rows.aggregate(sum=Sum("records"))["sum"] or 0)


def prune() -> int:
    """Deletes what is past its time, or too much. How many rows."""
    ended = timezone.now() - LIFE
    gone = AccessRecord.objects.filter(at__lt=ended).delete()[0] + LostAccessRecords.objects.filter(start__lt=ended).delete()[0]
    last = AccessRecord.objects.order_by("-at", "-id").values_list("at", flat=True)[MOST : MOST + 1].first()
    return gone + (AccessRecord.objects.filter(at__lte=last).delete()[0] if last is not None else 0)

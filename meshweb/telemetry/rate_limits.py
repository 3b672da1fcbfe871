"""What RateLimits did, in buckets of 10 s."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Min, Q, Sum
from django.utils import timezone

from meshweb.store.models import LimitBucket
from meshweb.telemetry import reports


@dataclass(slots=True)
class Limits:
    """Requests: refused; would have been, in shadow mode; nobody counted, and since when."""

    limited: int = 0
    shadowed: int = 0
    unanswered: int = 0
    unanswered_since: datetime | None = None

    def add(self, part: reports.Limits) -> None:
        self.limited += part.limited
        self.shadowed += part.shadowed
        self.unanswered += part.unanswered


def store(counts: Mapping[tuple[datetime, str], Limits]) -> None:
    """Adds to buckets; (start, "<namespace>/<name>")."""
    rows = [(start, document, c.limited, c.shadowed, c.unanswered) for (start, document), c in sorted(counts.items())]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO store_limitbucket AS held (start, document, limited, shadowed, unanswered) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT (start, document) DO UPDATE SET limited = held.limited + excluded.limited, "
            "shadowed = held.shadowed + excluded.shadowed, unanswered = held.unanswered + excluded.unanswered",
            rows,
        )


def recent(documents: Collection[str], length: timedelta) -> dict[str, Limits]:
    """Sums of the last `length` by document, those that did nothing too."""
    found = {document: Limits() for document in documents}
    rows = (
        LimitBucket.objects.filter(document__in=documents, start__gte=timezone.now() - length)
        .values("document")
        .annotate(
            refused=Sum("limited"),
            watched=Sum("shadowed"),
            missed=Sum("unanswered"),
            since=Min("start", filter=Q(unanswered__gt=0)),
        )
    )
    for row in rows:
        found[row["document"]] = Limits(row["refused"], row["watched"], row["missed"], row["since"])
    return found

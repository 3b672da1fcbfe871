"""Who was denied, and by which rule, in buckets of 10 s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Max, Sum

from meshweb.core.envoy.rbac import policy_of
from meshweb.core.ir.security import POLICY
from meshweb.store.models import DenialBucket
from meshweb.telemetry import reports


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """policy: "namespace/name", and the index of the rule; "Kind namespace/name" of a document of another kind that cannot be compiled;
    empty and -1: no ALLOW policy admitted the call, or another cause than policies (see `DenialBucket`)."""

    policy: str
    rule: int
    dry_run: bool
    cause: str = "policy"
    detail: str = ""

    @property
    def document(self) -> str | None:
        """ "Kind namespace/name"."""
        if not self.policy:
            return None
        return self.policy if self.of_another_kind else f"{POLICY} {self.policy}"

    @property
    def field(self) -> str:
        """JSON pointer; empty: the whole document, or none."""
        return f"/spec/rules/{self.rule}" if self.rule >= 0 and not self.of_another_kind else ""

    @property
    def of_another_kind(self) -> bool:
        return " " in self.policy


@dataclass(frozen=True, slots=True)
class Denied:
    source: str
    destination: str
    reason: Reason
    requests: int
    last: datetime


def reason_of(denial: reports.Denial) -> Reason:
    """What is no name of a rule is counted without one."""
    found = policy_of(denial.policy)
    if found is None:
        return Reason("", -1, denial.dry_run, denial.cause, denial.detail)
    key, rule = found
    policy = f"{key.namespace}/{key.name}" if key.kind == POLICY else str(key)
    return Reason(policy, rule, denial.dry_run, denial.cause, denial.detail)


def store(counts: Mapping[tuple[datetime, str, str, Reason], int]) -> None:
    """Adds to buckets; (start, source, destination, reason)."""
    rows = [
        (start, source, destination, reason.policy, reason.rule, reason.dry_run, reason.cause, reason.detail, count)
        for (start, source, destination, reason), count in sorted(counts.items())
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO store_denialbucket AS held "
            "(start, source, destination, policy, rule, dry_run, cause, detail, requests) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (start, source, destination, policy, rule, dry_run, cause, detail) "
            "DO UPDATE SET requests = held.requests + excluded.requests",
            rows,
        )


def denied(start: datetime, end: datetime, *, source: str = "", destination: str = "") -> list[Denied]:
    """From `start` (in) to `end` (out), most requests first. Empty: everybody."""
    rows = DenialBucket.objects.filter(start__gte=start, start__lt=end)
    if source:
        rows = rows.filter(source=source)
    if destination:
        rows = rows.filter(destination=destination)
    reason = ("policy", "rule", "dry_run", "cause", "detail")
    grouped = rows.values("source", "destination", *reason).annotate(sum=Sum("requests"), last=Max("start"))
    found = [
        Denied(row["source"], row["destination"], Reason(*(row[name] for name in reason)), row["sum"], row["last"])
        for row in grouped
    ]
    return sorted(found, key=lambda item: (-item.requests, item.source, item.destination, item.reason))

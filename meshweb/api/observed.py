"""What is observed of documents of some kinds, for their status."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from meshweb.controlplane import render
from meshweb.store.models import Resource
from meshweb.telemetry import rate_limits

_RECENT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Observed:
    """More conditions, and more parts of the status."""

    conditions: tuple[dict[str, object], ...] = ()
    parts: Mapping[str, Any] = field(default_factory=dict)


NOTHING = Observed()


def observed(rows: Sequence[Resource]) -> dict[UUID, Observed]:
    """By primary key of the row. A fixed number of queries."""
    found: dict[UUID, Observed] = {}
    for kind, observer in _OBSERVERS.items():
        own = [row for row in rows if row.kind == kind]
        if own:
            found |= zip((row.pk for row in own), observer(own), strict=True)
    return found


def _rate_limits(rows: Sequence[Resource]) -> list[Observed]:
    names = [f"{row.namespace}/{row.name}" for row in rows]
    found = rate_limits.recent(names, _RECENT)
    return [_rate_limit(row, found[name]) for row, name in zip(rows, names, strict=True)]


def _rate_limit(row: Resource, counts: rate_limits.Limits) -> Observed:
    requests = {"limited": counts.limited, "shadowed": counts.shadowed, "unanswered": counts.unanswered}
    parts = {"requests": {"window": f"{_RECENT.total_seconds():.0f}s", **requests}}
    if counts.unanswered_since is None:
        return Observed(parts=parts)
    fate = "passed" if row.spec.get("failureMode") == "Open" else "were refused"
    condition = {
        "type": "Counted",
        "status": "False",
        "reason": "CountersUnavailable",
        "message": f"{counts.unanswered} requests of the last 5 min {fate} without being counted: nobody answered in time",
        "lastTransitionTime": render.timestamp(counts.unanswered_since),
        "observedGeneration": row.generation,
    }
    return Observed((condition,), parts)


_OBSERVERS: Mapping[str, Callable[[Sequence[Resource]], list[Observed]]] = {"RateLimit": _rate_limits}

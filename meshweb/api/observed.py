"""What is observed of documents of some kinds, for their status."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from meshweb.controlplane import render
from meshweb.core.intent import DocumentKey
from meshweb.core.ir.security import PolicyAction
from meshweb.store.mesh import current_mesh
from meshweb.store.models import Resource
from meshweb.telemetry import policies, rate_limits

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


def _policies(rows: Sequence[Resource]) -> list[Observed]:
    keys = [DocumentKey(row.kind, row.namespace, row.name) for row in rows]
    allows = [row.spec.get("action", PolicyAction.ALLOW) == PolicyAction.ALLOW for row in rows]
    found = policies.standing(current_mesh().read().mesh, list(zip(keys, allows, strict=True)))
    return [Observed(parts={"enforcement": _enforcement(standing)}) for standing in found]


def _enforcement(found: policies.Standing) -> dict[str, Any]:
    return {
        "window": f"{policies.WINDOW.total_seconds():.0f}s",
        "workloads": found.workloads,
        "services": list(found.services),
        "ports": list(found.ports),
        "denied": found.denied,
        "wouldDeny": found.would_deny,
    }


_OBSERVERS: Mapping[str, Callable[[Sequence[Resource]], list[Observed]]] = {
    "AuthorizationPolicy": _policies,
    "RateLimit": _rate_limits,
}

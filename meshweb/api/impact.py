"""What a write would change: for proxies, and for callers that were seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.utils import timezone

from meshweb.api import shapes
from meshweb.api.reasons import ACCESS, reason_shape
from meshweb.controlplane import impact
from meshweb.controlplane.documents import Wish
from meshweb.controlplane.impact import State
from meshweb.core.reach_changes import Fate, ReachChange
from meshweb.core.reach_words import reach_words
from meshweb.telemetry import access
from meshweb.telemetry.calls import Calls, calls
from meshweb.telemetry.traffic import Pair, Window

_WINDOW = timedelta(hours=1)
_MOST = 200
_ORDER = tuple(Fate)


def impact_shape(wishes: Sequence[Wish], state: State, *, with_access: bool) -> shapes.Impact:
    """`with_access`: also what becomes of the calls of the last hour."""
    observed = calls(Window.ending(timezone.now(), _WINDOW)) if with_access else {}
    found = impact.impact_of(wishes, state, access.seen_edges(observed))
    return shapes.Impact(
        proxies=[shapes.ProxyImpact(id=p.id, changes=list(p.changes), connected=p.connected) for p in found.proxies],
        services=list(found.services),
        access=_access(found.access, observed) if with_access else None,
    )


def _access(changes: Sequence[ReachChange], observed: Mapping[Pair, Calls]) -> shapes.AccessImpact:
    counts = Counter(change.fate for change in changes)
    shown = [_change(change, observed[change.edge.source, change.edge.destination]) for change in changes]
    shown.sort(key=lambda c: (_ORDER.index(Fate(c.fate)), -c.requests, c.source, c.destination))
    return shapes.AccessImpact(
        window=f"{_WINDOW.total_seconds():.0f}s",
        callers=len({source for source, _ in observed}),
        edges=len(observed),
        requests=sum(found.requests for found in observed.values()),
        newly_denied=counts[Fate.NEWLY_DENIED],
        newly_allowed=counts[Fate.NEWLY_ALLOWED],
        may_change=counts[Fate.MAY_CHANGE],
        changes=shown[:_MOST],
        left_out=max(len(shown) - _MOST, 0),
    )


def _change(change: ReachChange, seen: Calls) -> shapes.AccessChange:
    return shapes.AccessChange(
        fate=change.fate.value,
        source=change.edge.source,
        destination=change.edge.destination,
        requests=seen.requests,
        denied=seen.denied,
        last_seen=seen.last,
        before=ACCESS[change.before.reach],
        after=ACCESS[change.after.reach],
        reason=reach_words(change.after),
        reasons=[reason_shape(reason) for reason in change.after.reasons],
    )

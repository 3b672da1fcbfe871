"""Is it live? What became of each revision, proxy by proxy, computed from what was observed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db import connection
from django.db.models import Max, Q
from django.utils import timezone

from meshweb.controlplane import hints, render
from meshweb.controlplane.documents import Wish
from meshweb.controlplane.errors import NotFound
from meshweb.core.intent import DocumentKey
from meshweb.kinds.parse import parse_document
from meshweb.store.models import Proxy, ProxyTypeState, ResourceVersion, Revision, RevisionProxy

ProxyFate = Literal["live", "pending", "rejected", "disconnected"]
RevisionState = Literal["pending", "live", "rejected", "superseded"]


@dataclass(frozen=True, slots=True)
class Fate:
    """What one affected proxy made of a revision. `millis`: from the save of the revision to its being live there."""

    proxy: str
    state: ProxyFate
    sent_at: datetime | None
    at: datetime | None
    millis: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A revision and what became of it. `live_at`: since when it is live on every affected proxy that was connected."""

    row: Revision
    state: RevisionState
    fates: tuple[Fate, ...]
    sent_at: datetime | None
    live_at: datetime | None
    changes: tuple[ResourceVersion, ...]

    def count(self, state: ProxyFate) -> int:
        return sum(fate.state == state for fate in self.fates)


@dataclass(frozen=True, slots=True)
class _Facts:
    """Everything observed that the standings of some revisions need."""

    proxies: Mapping[str, Proxy]
    rejections: Mapping[str, ProxyTypeState]
    observed: Mapping[tuple[int, str], RevisionProxy]
    later: Mapping[str, Sequence[tuple[int, datetime]]]
    """Where a proxy went live with something newer without having been live with these: (revision, when), oldest first."""

    def live_at(self, compiled_as: int, proxy: str) -> datetime | None:
        """When what a revision wanted was first live on a proxy, by itself or as part of a newer one."""
        seen = self.observed.get((compiled_as, proxy))
        if seen is not None and seen.live_at is not None:
            return seen.live_at
        return next((at for revision, at in self.later.get(proxy, ()) if revision >= compiled_as), None)


def standings(rows: Sequence[Revision]) -> list[Standing]:
    """In a fixed number of queries."""
    affected = {proxy for row in rows for proxy in row.affected or ()}
    compiled = {row.compiled_as for row in rows if row.compiled_as is not None}
    rejections: dict[str, ProxyTypeState] = {}
    for state in ProxyTypeState.objects.filter(proxy_id__in=affected, nacked_revision__isnull=False).order_by("nacked_at"):
        rejections[state.proxy_id] = state
    observed = {
        (item.revision, item.proxy_id): item
        for item in RevisionProxy.objects.filter(revision__in=compiled, proxy_id__in=affected)
    }
    facts = _Facts(
        proxies={row.id: row for row in Proxy.objects.filter(id__in=affected)},
        rejections=rejections,
        observed=observed,
        later=_later(rows, observed),
    )
    changes: dict[int, list[ResourceVersion]] = {}
    for version in ResourceVersion.objects.filter(revision__in=[row.number for row in rows]).defer("document"):
        changes.setdefault(version.revision, []).append(version)
    return [_standing(row, facts, tuple(changes.get(row.number, ()))) for row in rows]


def _later(
    rows: Sequence[Revision], observed: Mapping[tuple[int, str], RevisionProxy]
) -> Mapping[str, Sequence[tuple[int, datetime]]]:
    """Only for the proxies that skipped one of the revisions."""
    skipped: dict[str, int] = {}
    for row in rows:
        for proxy in row.affected or ():
            seen = observed.get((row.compiled_as or 0, proxy))
            if row.compiled_as is not None and (seen is None or seen.live_at is None):
                skipped[proxy] = min(skipped.get(proxy, row.compiled_as), row.compiled_as)
    found: dict[str, list[tuple[int, datetime]]] = {}
    if skipped:
        lived = RevisionProxy.objects.filter(proxy_id__in=skipped, revision__gt=min(skipped.values()), live_at__isnull=False)
        for proxy, revision, at in lived.order_by("revision").values_list("proxy_id", "revision", "live_at"):
            if at is not None:
                found.setdefault(proxy, []).append((revision, at))
    return found


def _standing(row: Revision, facts: _Facts, changes: tuple[ResourceVersion, ...]) -> Standing:
    known = [proxy for proxy in row.affected or () if proxy in facts.proxies and facts.proxies[proxy].revoked_at is None]
    fates = tuple(_fate(row, facts.proxies[proxy], facts) for proxy in known)
    sent = [fate.sent_at for fate in fates if fate.sent_at is not None]
    lived = [fate.at for fate in fates if fate.state == "live" and fate.at is not None]
    state = _state(row, fates, facts)
    live_at = (max(lived, default=row.compiled_at)) if state == "live" else None
    return Standing(row, state, fates, min(sent, default=None), live_at, changes)


def _fate(row: Revision, proxy: Proxy, facts: _Facts) -> Fate:
    compiled_as = row.compiled_as or row.number
    seen = facts.observed.get((compiled_as, proxy.id))
    sent_at = seen.sent_at if seen is not None else None
    if proxy.live_revision is not None and proxy.live_revision >= compiled_as:
        at = facts.live_at(compiled_as, proxy.id) or proxy.live_at
        millis = round((at - row.created_at).total_seconds() * 1000) if at is not None else None
        return Fate(proxy.id, "live", sent_at, at, millis, "")
    refusal = facts.rejections.get(proxy.id)
    if refusal is not None and (refusal.nacked_revision or 0) >= compiled_as:
        return Fate(proxy.id, "rejected", sent_at, refusal.nacked_at, None, refusal.nack_detail)
    if not proxy.connected:
        return Fate(proxy.id, "disconnected", sent_at, proxy.disconnected_at, None, "")
    return Fate(proxy.id, "pending", sent_at, None, None, "")


def _state(row: Revision, fates: Iterable[Fate], facts: _Facts) -> RevisionState:
    if row.compiled_as is None:
        return "pending"
    states = {fate.state for fate in fates}
    if "rejected" in states:
        newer = all(
            (facts.rejections[fate.proxy].nacked_revision or 0) > row.compiled_as for fate in fates if fate.state == "rejected"
        )
        # Refused was what came after it, before this one could become live there.
        return "superseded" if newer else "rejected"
    return "pending" if "pending" in states else "live"


def find(number: int) -> Revision:
    """Raises NotFound."""
    row = Revision.objects.filter(number=number).first()
    if row is None:
        raise NotFound(f"there is no revision {number}")
    return row


def wait(number: int, seconds: float) -> Standing:
    """The standing as soon as it is decided, or when the time is over. Holds no database connection while it waits."""
    deadline = time.monotonic() + seconds
    with hints.listening(hints.STATUS_CHANNEL) as hint:
        while True:
            standing = standings([find(number)])[0]
            left = deadline - time.monotonic()
            if standing.state != "pending" or left <= 0:
                return standing
            connection.close()
            hint(min(left, 0.5))


def difference(number: int) -> list[tuple[ResourceVersion, ResourceVersion | None]]:
    """What a revision changed: each version with the one before it. Raises NotFound."""
    find(number)
    return [(version, _previous(version)) for version in ResourceVersion.objects.filter(revision=number)]


def _previous(version: ResourceVersion) -> ResourceVersion | None:
    same = Q(kind=version.kind, namespace=version.namespace, name=version.name)
    return ResourceVersion.objects.filter(same, revision__lt=version.revision).order_by("-revision").first()


def rollback_wishes(number: int) -> list[Wish]:
    """What restores the state before a revision. Raises NotFound, InvalidDocument, SealError."""
    wishes = []
    for version, before in difference(number):
        key = DocumentKey(version.kind, version.namespace, version.name)
        restored = before.document if before is not None else None
        wishes.append(Wish(key, parse_document(render.opened(restored)) if restored is not None else None))
    return wishes


def programmed(rows: Sequence[tuple[int, int]]) -> dict[int, dict[str, object]]:
    """The Programmed condition for documents, from the standing of the revision that changed each last.

    rows: (revision, generation). The result is keyed by revision.
    """
    wanted = {revision for revision, _ in rows}
    generations = dict(rows)
    found: dict[int, dict[str, object]] = {}
    for standing in standings(list(Revision.objects.filter(number__in=wanted))):
        number = standing.row.number
        found[number] = {"type": "Programmed", **_programmed(standing), "observedGeneration": generations[number]}
    return found


def not_compiled() -> dict[str, object]:
    """The Programmed condition of what was saved this moment."""
    when = render.timestamp(timezone.now())
    return {
        "type": "Programmed",
        "status": "False",
        "reason": "Pending",
        "message": "not compiled yet",
        "lastTransitionTime": when,
    }


def _programmed(standing: Standing) -> dict[str, object]:
    total, live = len(standing.fates), standing.count("live")
    since = standing.live_at or standing.row.compiled_at or standing.row.created_at
    when = {"lastTransitionTime": render.timestamp(since)}
    if standing.state == "live":
        away = standing.count("disconnected")
        message = f"live on {live} of {total} proxies, {away} not connected" if away else f"live on {live} proxies"
        return {"status": "True", "reason": "Programmed", "message": message if total else "no proxy needed a change", **when}
    if standing.state == "rejected":
        first = next(fate for fate in standing.fates if fate.state == "rejected")
        message = f"refused by {standing.count('rejected')} of {total} proxies; {first.proxy}: {first.detail}"
        return {"status": "False", "reason": "Invalid", "message": message[:1000], **when}
    if standing.state == "superseded":
        return {
            "status": "Unknown",
            "reason": "Superseded",
            "message": "a newer revision replaced it before it was live",
            **when,
        }
    return {"status": "False", "reason": "Pending", "message": f"live on {live} of {total} proxies", **when}


def newest() -> int:
    return Revision.objects.aggregate(newest=Max("number"))["newest"] or 0

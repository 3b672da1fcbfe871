"""What a change does to calls that were seen: denied from then on, let through from then on, or perhaps the one or the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from meshweb.core.ir.security import Conditions, PolicyRule
from meshweb.core.names import ServiceRef
from meshweb.core.reach import Map, Reach, Reached, Reason


class Fate(StrEnum):
    """mayChange: what a request says decides, before or after."""

    NEWLY_DENIED = "newlyDenied"
    NEWLY_ALLOWED = "newlyAllowed"
    MAY_CHANGE = "mayChange"


@dataclass(frozen=True, slots=True)
class SeenEdge:
    """Calls that were seen. source and destination: as telemetry names them. identities: of a source that the mesh does not know.
    admitted: some were let through. plain: some went without mTLS; only_plain: all of them."""

    source: str
    destination: str
    identities: tuple[str, ...] = ("",)
    admitted: bool = True
    plain: bool = False
    only_plain: bool = False


@dataclass(frozen=True, slots=True)
class ReachChange:
    edge: SeenEdge
    fate: Fate
    before: Reached
    after: Reached


def changes(before: Map, after: Map, edges: Iterable[SeenEdge]) -> Iterator[ReachChange]:
    """Edges to services that are there before and after. What becomes of calls to a service that goes is not a question of access."""
    for edge in edges:
        then, now = _reached(before, before, edge), _reached(after, before, edge)
        if then is not None and now is not None:
            fate = _fate(edge, then, now, same=_rules(then) == _rules(now))
            if fate is not None:
                yield ReachChange(edge, fate, then, now)


def _reached(access: Map, before: Map, edge: SeenEdge) -> Reached | None:
    namespace, _, name = edge.destination.partition("/")
    service = access.mesh.services.get(ServiceRef(namespace, name))
    if service is None or service.external:
        return None
    caller = access.callers.get(edge.source) or before.callers.get(edge.source)
    known = caller.identities if caller is not None else edge.identities
    return access.reached(("",) if edge.only_plain else (*known, "") if edge.plain else known, service)


def _fate(edge: SeenEdge, before: Reached, after: Reached, *, same: bool) -> Fate | None:
    if after.reach is Reach.NEVER:
        return Fate.NEWLY_DENIED if before.reach is not Reach.NEVER and edge.admitted else None
    if before.reach is Reach.NEVER and after.reach is Reach.ALWAYS:
        return Fate.NEWLY_ALLOWED
    return Fate.MAY_CHANGE if before.reach is not after.reach or (after.reach is Reach.SOMETIMES and not same) else None


def _rules(found: Reached) -> frozenset[object]:
    """What the rules that decide say, wherever in their documents they stand."""
    return frozenset((reason.effect, reason.certain, _content(reason)) for reason in found.reasons)


def _content(reason: Reason) -> object:
    return _plain(reason.says) if reason.says is not None else reason.document


def _plain(rule: PolicyRule) -> object:
    alternatives = (frozenset(map(_said, rule.sources)), frozenset(map(_said, rule.operations)))
    return (*alternatives, _said(rule.when))


def _said(conditions: Conditions) -> frozenset[tuple[Any, ...]]:
    return frozenset((c.attribute, frozenset(c.values), c.negated, c.key, c.claim) for c in conditions)

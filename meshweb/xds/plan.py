"""What to send next on a type, as a pure and cached function: streams in the same situation get the same bytes object.

A *view* is what a subscription sees of a snapshot. A *base* is what the client holds: the view it acknowledged last, plus
what is left over (`lingering`: to be removed once nothing needs it) and what is unsure after a NACK (`uncertain`).
"""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from meshweb.core.snapshot import Section, TypeUrl, XdsResource, content_version, delta
from meshweb.xds import wire

EMPTY: frozenset[str] = frozenset()
_UNKNOWN_VERSION = "?"
DEFAULT_CACHE_BYTES = 128 * 1024 * 1024

_interned: weakref.WeakKeyDictionary[frozenset[str], weakref.ref[frozenset[str]]] = weakref.WeakKeyDictionary()


def intern(names: frozenset[str]) -> frozenset[str]:
    """One shared object per set of names: a fleet of equal proxies holds its subscriptions once, and comparing is cheap."""
    shared = _interned.get(names)
    found = shared() if shared is not None else None
    if found is not None:
        return found
    _interned[names] = weakref.ref(names)
    return names


@dataclass(frozen=True, slots=True)
class View:
    """What a subscription sees of one type of a snapshot. Equal when the content is equal."""

    type_url: TypeUrl
    sections: tuple[Section, ...]
    wildcard: bool
    names: frozenset[str]

    def get(self, name: str) -> XdsResource | None:
        if not self.covers(name):
            return None
        return self.real(name) or (wire.empty_endpoints(name) if self._fills(name) else None)

    def real(self, name: str) -> XdsResource | None:
        for section in self.sections:
            found = section.resources.get(name)
            if found is not None:
                return found
        return None

    def covers(self, name: str) -> bool:
        return self.wildcard or name in self.names

    def _fills(self, name: str) -> bool:
        return self.type_url is TypeUrl.ENDPOINT and name in self.names

    def all_names(self) -> Iterator[str]:
        """Every name that `get` answers."""
        if self.wildcard:
            for section in self.sections:
                yield from section.resources
        for name in self.names:
            if self.type_url is TypeUrl.ENDPOINT or (not self.wildcard and self.real(name) is not None):
                yield name

    def version(self) -> str:
        """Hash of what is seen: the same in every process and after a restart."""
        parts = [section.version.encode() for section in self.sections]
        return content_version(b"*" if self.wildcard else b"", *parts, b"|", *(n.encode() for n in sorted(self.names)))


@dataclass(frozen=True, slots=True)
class Base:
    """What the client holds. `explicit`: (name, version) pairs that it claimed when it connected, instead of a view."""

    view: View | None = None
    explicit: frozenset[tuple[str, str]] = frozenset()
    lingering: frozenset[XdsResource] = frozenset()
    uncertain: frozenset[str] = EMPTY


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that decides what is sent. `asked`: names to answer in any case. `breaking`: removals are allowed.
    `only_asked`: the rest was refused by the client and is not sent again. `first`: answer even when there is nothing."""

    sotw: bool
    base: Base
    target: View
    asked: frozenset[str] = EMPTY
    breaking: bool = False
    only_asked: bool = False
    first: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """One response. `response` is None when there is nothing to send; `touched` are the names in it; `endpoints` are the
    assignments that must follow a change of clusters."""

    nonce: str
    response: bytes | None = field(repr=False)
    version: str
    touched: frozenset[str]
    lingering: frozenset[XdsResource]
    endpoints: frozenset[str]


@dataclass(slots=True)
class _Difference:
    changed: dict[str, XdsResource]
    removed: set[str]
    lingering: dict[str, XdsResource]


def _old_lookup(situation: Situation) -> dict[str, XdsResource | None]:
    """What differs from the base view: name -> what the client holds (None: nothing, or unknown so that it is sent)."""
    base = situation.base
    overlay: dict[str, XdsResource | None] = {name: XdsResource(name, version, b"") for name, version in base.explicit}
    overlay.update({resource.name: resource for resource in base.lingering})
    overlay.update({name: XdsResource(name, _UNKNOWN_VERSION, b"") for name in base.uncertain})
    overlay.update(dict.fromkeys(situation.asked))
    return overlay


def _candidates(situation: Situation, overlay: dict[str, XdsResource | None]) -> set[str]:
    """Names that may differ. Usually only those in changed sections, and not the whole subscription."""
    view, target = situation.base.view, situation.target
    if situation.only_asked:
        return set(situation.asked)
    names = set(overlay)
    if view is not None and view.wildcard == target.wildcard and view.names is target.names:
        changes = delta(view.sections, target.sections)
        moved = changes.changed.keys() | changes.removed
        return names | (moved if target.wildcard else moved & target.names)
    names.update(target.all_names())
    if view is not None:
        names.update(view.all_names())
    return names


def _difference(situation: Situation) -> _Difference:
    overlay = _old_lookup(situation)
    view, target = situation.base.view, situation.target
    # Envoy removes listeners before it adds those of the same update: an address may move from one to another.
    removing = situation.breaking or target.type_url is TypeUrl.LISTENER
    found = _Difference({}, set(), {})
    for name in sorted(_candidates(situation, overlay)):
        old = overlay[name] if name in overlay else view.get(name) if view is not None else None
        new = target.get(name)
        if new is None:
            if name in situation.asked:
                found.removed.add(name)
            elif old is not None and target.covers(name):
                if removing:
                    found.removed.add(name)
                else:
                    found.lingering[name] = old
        elif old is None or old.version != new.version:
            vanished = target.type_url is TypeUrl.ENDPOINT and old is not None and target.real(name) is None
            if vanished and old is not None and not removing:
                found.lingering[name] = old
            else:
                found.changed[name] = new
    if situation.only_asked:
        found.lingering = {resource.name: resource for resource in situation.base.lingering}
    return found


def _sotw_resources(situation: Situation, found: _Difference) -> list[XdsResource]:
    """State of the world: wildcard types repeat everything; named types may send only what changed."""
    target = situation.target
    if not target.wildcard:
        return list(found.changed.values())
    everything = {name: resource for name in target.all_names() if (resource := target.get(name)) is not None}
    # A left-over whose bytes are unknown (refused, or only claimed) cannot be repeated.
    everything.update({name: resource for name, resource in found.lingering.items() if resource.body})
    return [everything[name] for name in sorted(everything)]


def make_plan(situation: Situation, nonce: str) -> Plan:
    target = situation.target
    found = _difference(situation)
    needed = bool(found.changed or found.removed or situation.first)
    if situation.sotw and not target.wildcard:
        needed = bool(found.changed or situation.first)
    version = target.version()
    if found.lingering:
        version = content_version(version.encode(), *(f"{n}={r.version}".encode() for n, r in found.lingering.items()))
    response = None
    if needed and situation.sotw:
        response = wire.sotw_response(target.type_url, _sotw_resources(situation, found), nonce, version)
    elif needed:
        response = wire.delta_response(target.type_url, found.changed.values(), found.removed, nonce, version)
    endpoints: frozenset[str] = EMPTY
    if target.type_url is TypeUrl.CLUSTER:
        endpoints = frozenset(name for r in found.changed.values() if (name := wire.endpoints_name(r)) is not None)
    touched = frozenset(found.changed) | found.removed
    return Plan(nonce, response, version, touched, frozenset(found.lingering.values()), intern(endpoints))


class PlanCache:
    """Least recently used plans within a budget of bytes. Not thread-safe: one per event loop."""

    def __init__(self, max_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self._plans: OrderedDict[Situation, Plan] = OrderedDict()
        self._max_bytes = max_bytes
        self._bytes = 0
        self._counter = itertools.count(1)

    def plan(self, situation: Situation) -> Plan:
        found = self._plans.get(situation)
        if found is not None:
            self._plans.move_to_end(situation)
            return found
        made = make_plan(situation, format(next(self._counter), "x"))
        self._plans[situation] = made
        self._bytes += self._cost(made)
        while self._bytes > self._max_bytes and len(self._plans) > 1:
            _, dropped = self._plans.popitem(last=False)
            self._bytes -= self._cost(dropped)
        return made

    @staticmethod
    def _cost(plan: Plan) -> int:
        return len(plan.response or b"") + 1024

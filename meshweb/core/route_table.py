"""Which rules hold for a service port, by caller."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from meshweb.core import matching
from meshweb.core.caller import Caller
from meshweb.core.intent import Document, DocumentKey
from meshweb.core.ir.routing import EVERYWHERE, Backend, Callers, ConnectionRule, Destination, RouteMatch, RouteRule, Visibility
from meshweb.core.names import PortRef

R = TypeVar("R", RouteRule, ConnectionRule)


@dataclass(frozen=True, slots=True)
class Binding(Generic[R]):
    """What one document lays on one port, in its own order. wildcard: the host by which it names the service, if it is one; a document
    that names the service itself stands instead of it, and a longer wildcard instead of a shorter."""

    document: Document
    rules: tuple[R, ...]
    visibility: Visibility = EVERYWHERE
    wildcard: str = ""


@dataclass(slots=True)
class RouteTable:
    """Documents come oldest first; so do the bindings of a port."""

    requests: defaultdict[PortRef, list[Binding[RouteRule]]] = field(default_factory=lambda: defaultdict(list))
    connections: defaultdict[PortRef, list[Binding[ConnectionRule]]] = field(default_factory=lambda: defaultdict(list))

    _ports: defaultdict[DocumentKey, set[PortRef]] = field(default_factory=lambda: defaultdict(set))

    def bind(self, port: PortRef, binding: Binding[RouteRule]) -> None:
        bisect.insort(self.requests[port], binding, key=_age)
        self._ports[binding.document.key].add(port)

    def bind_connections(self, port: PortRef, binding: Binding[ConnectionRule]) -> None:
        bisect.insort(self.connections[port], binding, key=_age)
        self._ports[binding.document.key].add(port)

    def ports_of(self, key: DocumentKey) -> frozenset[PortRef]:
        """Where a document has rules."""
        return frozenset(self._ports.get(key, ()))

    def forget(self, key: DocumentKey) -> None:
        for port in self._ports.pop(key, ()):
            for table in (self.requests, self.connections):
                kept = [binding for binding in table.get(port, ()) if binding.document.key != key]
                if kept:
                    table[port] = kept  # type: ignore[assignment]  # of the table's own type
                else:
                    table.pop(port, None)

    def routes(self, port: PortRef, caller: Caller) -> tuple[RouteRule, ...]:
        """In match order. A port that no document has a rule for, for this caller, leads to itself."""
        chosen = [
            rules for rules in (_fitting(b.rules, caller) for b in _seen_by(self.requests.get(port, ()), caller)) if rules
        ]
        return matching.merged(chosen) if chosen else default_routes(port)

    def connection_rules(self, port: PortRef, caller: Caller) -> tuple[ConnectionRule, ...]:
        """In the order of their documents, oldest first; those with conditions before those without, so that a rule for all cannot
        hide one for some."""
        rules = [rule for b in _seen_by(self.connections.get(port, ()), caller) for rule in _fitting(b.rules, caller)]
        return tuple(sorted(rules, key=lambda rule: not rule.server_names))

    def callers(self) -> Iterator[Callers]:
        """Every condition on callers that some rule has."""
        for requests in self.requests.values():
            yield from (rule.callers for binding in requests for rule in binding.rules)
        for connections in self.connections.values():
            yield from (rule.callers for binding in connections for rule in binding.rules)

    def conflicts(self, port: PortRef) -> Iterator[tuple[RouteRule, RouteRule]]:
        """(loser, the rule of another document that takes its requests) on one port."""
        bindings = self.requests.get(port, ())
        if len(bindings) < 2:
            return
        groups: defaultdict[tuple[Visibility, str], list[tuple[RouteRule, ...]]] = defaultdict(list)
        for binding in bindings:
            groups[binding.visibility, binding.wildcard].append(binding.rules)
        for lists in groups.values():
            yield from matching.shadowed(matching.merged(lists))


def _age(binding: Binding[R]) -> tuple[tuple[datetime, str, str], DocumentKey]:
    return (binding.document.age_order, binding.document.key)


def default_routes(port: PortRef) -> tuple[RouteRule, ...]:
    return (RouteRule(RouteMatch(), (Backend(Destination(port), 1),)),)


def _seen_by(bindings: Iterable[Binding[R]], caller: Caller) -> list[Binding[R]]:
    """Consumer routes stand instead of all others (GAMMA)."""
    seen = [b for b in bindings if b.visibility.namespaces is None or caller.namespace in b.visibility.namespaces]
    seen = [b for b in seen if b.visibility.consumer] or seen
    if not any(b.wildcard for b in seen):
        return seen
    best = max((not b.wildcard, len(b.wildcard)) for b in seen)
    return [b for b in seen if (not b.wildcard, len(b.wildcard)) == best]


def _fitting(rules: Iterable[R], caller: Caller) -> tuple[R, ...]:
    return tuple(rule for rule in rules if caller.is_one_of(rule.callers))

"""Policies that hold on what their `targetRefs` name (GEP-713), whether that is there yet or not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from meshweb.core.intent import DocumentKey
from meshweb.core.ir.gateways import GatewayRef
from meshweb.core.ir.security import Policy
from meshweb.core.names import ServiceRef

Target = ServiceRef | GatewayRef | DocumentKey
"""A service, a Gateway, or the document of a route."""


@dataclass(slots=True)
class TargetedPolicies:
    """A policy that names several targets is the same object on each."""

    _policies: defaultdict[Target, dict[DocumentKey, Policy]] = field(default_factory=lambda: defaultdict(dict))
    _targets: defaultdict[DocumentKey, set[Target]] = field(default_factory=lambda: defaultdict(set))

    def put(self, target: Target, document: DocumentKey, policy: Policy) -> None:
        self._policies[target][document] = policy
        self._targets[document].add(target)

    def of(self, target: Target) -> Iterator[Policy]:
        yield from self._policies.get(target, {}).values()

    def targets_of(self, document: DocumentKey) -> frozenset[Target]:
        return frozenset(self._targets.get(document, ()))

    def forget(self, document: DocumentKey) -> None:
        for target in self._targets.pop(document, ()):
            del self._policies[target][document]
            if not self._policies[target]:
                del self._policies[target]

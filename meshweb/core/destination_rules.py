"""Which traffic policy holds for a destination, by caller (Istio, "DestinationRule": lookup in the caller's namespace, then the
service's, then the root namespace)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from meshweb.core import hosts
from meshweb.core.caller import Caller
from meshweb.core.intent import Document
from meshweb.core.ir.services import Labels, Namespaces
from meshweb.core.ir.traffic_policy import NO_POLICY, NO_PORTED_POLICY, PortedPolicy, Subset, TrafficPolicy


@dataclass(frozen=True, slots=True)
class DestinationRule:
    """host: full name or wildcard. callers: labels a caller must carry (`workloadSelector`)."""

    document: Document
    host: str
    policy: PortedPolicy = NO_PORTED_POLICY
    subsets: tuple[Subset, ...] = ()
    visible_in: Namespaces = None
    callers: Labels = frozenset()

    def subset(self, name: str) -> Subset | None:
        return next((subset for subset in self.subsets if subset.name == name), None)

    def policies(self) -> Iterator[TrafficPolicy]:
        """Everything it says, at whatever level."""
        for ported in (self.policy, *(subset.policy for subset in self.subsets)):
            yield ported.policy
            yield from (policy for _, policy in ported.ports)

    def seen_by(self, caller: Caller) -> bool:
        if self.callers and (self.document.namespace != caller.namespace or not self.callers <= caller.labels):
            return False
        return self.visible_in is None or caller.namespace in self.visible_in


@dataclass(slots=True)
class DestinationRules:
    """Oldest first per namespace and host. Of several for one host in one namespace the oldest says the policy; subsets of all count
    (Istio), the older of two of one name."""

    root_namespace: str = "istio-system"
    _rules: defaultdict[str, defaultdict[str, list[DestinationRule]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    _wild: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, rule: DestinationRule) -> DestinationRule | None:
        """Returns the older rule that wins over this one, if there is one."""
        same = self._rules[rule.document.namespace][rule.host]
        if rule.host.startswith("*") and not same:
            self._wild[rule.document.namespace].append(rule.host)
        winner = next((r for r in same if r.callers == rule.callers), None)
        same.append(rule)
        return winner

    def all(self) -> Iterator[DestinationRule]:
        for by_host in self._rules.values():
            for rules in by_host.values():
                yield from rules

    def compared_labels(self) -> frozenset[str]:
        """Keys of labels that decide how near an endpoint is (`failoverPriority`)."""
        return frozenset(
            entry.partition("=")[0]
            for rule in self.all()
            for policy in rule.policies()
            if policy.balancing is not None and policy.balancing.locality is not None
            for entry in policy.balancing.locality.priority
        )

    def by_locality(self) -> bool:
        """Whether what a caller receives may depend on where it is."""
        return any(policy.near_first for rule in self.all() for policy in rule.policies())

    def applying(self, caller: Caller, host: str, service_namespace: str) -> tuple[DestinationRule, ...]:
        """The rules that hold for calls of `host`, the one that decides first; empty: none."""
        seen: set[str] = set()
        for namespace in (caller.namespace, service_namespace, self.root_namespace):
            if namespace in seen or namespace not in self._rules:
                continue
            seen.add(namespace)
            found = self._in_namespace(namespace, caller, host)
            if found:
                return found
        return ()

    def _in_namespace(self, namespace: str, caller: Caller, host: str) -> tuple[DestinationRule, ...]:
        by_host = self._rules[namespace]
        patterns = [host] if host in by_host else []
        patterns += [pattern for pattern in self._wild.get(namespace, ()) if hosts.covers(pattern, host)]
        fitting = {pattern: [r for r in by_host[pattern] if r.seen_by(caller)] for pattern in patterns}
        pattern = hosts.most_specific((p for p, rules in fitting.items() if rules), host)
        if pattern is None:
            return ()
        # One that names its callers is closer to them than one that does not.
        return tuple(sorted(fitting[pattern], key=lambda r: not r.callers))


@dataclass(frozen=True, slots=True)
class Resolved:
    """The policy of one destination, the labels of its subset, and the rule that said so."""

    policy: TrafficPolicy = NO_POLICY
    labels: Labels = frozenset()
    rule: DestinationRule | None = None


UNRULED = Resolved()


def resolve(rules: tuple[DestinationRule, ...], port: int, subset: str) -> Resolved | None:
    """None: there is no subset of that name."""
    if not rules:
        return None if subset else UNRULED
    policy = rules[0].policy.at(port)
    if not subset:
        return Resolved(policy, frozenset(), rules[0])
    for rule in rules:
        found = rule.subset(subset)
        if found is not None:
            return Resolved(found.policy.at(port, policy), found.labels, rule)
    return None

"""Who may call whom, over all requests: `core/authorization.py` with three values.

Of a caller and a port of a workload its identity, the port and what is spoken there are known; what a request says is not. A condition
about what is known holds or does not, every other is unknown, and the logic is Kleene's: "never" and "always" are right for each single
call, "sometimes" may be more careful than need be. Order as there: DENY, then ALLOW; dry runs decide nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from meshweb.core import names
from meshweb.core.authorization import Call, Judge
from meshweb.core.builder import MeshBuilder, workload_port
from meshweb.core.errors import pointer
from meshweb.core.intent import DocumentKey
from meshweb.core.ir.routing import Origin
from meshweb.core.ir.security import (
    DENY_BY_DEFAULT,
    Attribute,
    Conditions,
    MtlsMode,
    Policy,
    PolicyAction,
    PolicyCondition,
    PolicyRule,
    provider_of,
)
from meshweb.core.ir.services import Labels, Protocol, Service, ServicePort, Workload
from meshweb.core.names import PortRef, ServiceRef

Truth = bool | None
"""None: it depends on the request."""


class Reach(StrEnum):
    """Which of its calls pass."""

    NEVER = "never"
    SOMETIMES = "sometimes"
    ALWAYS = "always"


class Effect(StrEnum):
    """What a document does to a caller: a rule admits or denies it, or has a provider asked, an ALLOW policy stands there (or the mesh
    denies by default) and none of its rules is for the caller, or a connection without certificate is closed."""

    ALLOWS = "allows"
    DENIES = "denies"
    ASKS = "asks"
    SILENT = "silent"
    MTLS = "mtls"


@dataclass(frozen=True, slots=True)
class Reason:
    """document None: a default of the mesh. rule: its index; None: the whole document. certain: whatever the request says. anyone: the
    rule asks nothing of the caller. says: the rule. at: JSON pointer, where no rule says it."""

    effect: Effect
    document: DocumentKey | None
    rule: int | None = None
    certain: bool = True
    anyone: bool = False
    says: PolicyRule | None = field(default=None, compare=False)
    at: str = ""

    @property
    def field(self) -> str:
        """JSON pointer; empty: the whole document."""
        if self.rule is not None:
            return pointer("spec", "rules", self.rule)
        return "/spec/defaultAuthorization" if self.document == DENY_BY_DEFAULT.document else self.at


@dataclass(frozen=True, slots=True)
class Reached:
    """declared: an ALLOW policy stands there, so that what passes passes because a document says so."""

    reach: Reach
    declared: bool
    reasons: tuple[Reason, ...] = ()

    @property
    def admitted_by_anyone(self) -> bool:
        """Let in by nothing but rules that let everybody in."""
        allowing = [reason for reason in self.reasons if reason.effect is Effect.ALLOWS]
        return self.declared and self.reach is not Reach.NEVER and all(reason.anyone for reason in allowing)


UNREACHABLE = Reached(Reach.NEVER, declared=False)
"""Nobody stands behind the service."""


@dataclass(frozen=True, slots=True)
class Caller:
    """As telemetry names it: the most general service that its workloads stand behind, or the workload itself. identities: SPIFFE IDs;
    empty text: it has no certificate."""

    name: str
    service: bool
    identities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A port of a workload, as far as policies tell it from others. http: what is spoken there; None: either. tokens: requests may bring
    them."""

    policies: tuple[Policy, ...] = field(compare=False)
    group: tuple[int, ...]
    port: int
    http: Truth
    tokens: bool
    mtls: MtlsMode
    mtls_by: Origin | None


def over_all(policies: Sequence[Policy], matches: Callable[[Policy, PolicyRule], Truth], http: Truth) -> Reached:
    """Of the policies of one workload. http: what is spoken there, as in `Place`."""
    live = [policy for policy in policies if not policy.dry_run]
    denying = [*_asking(live, matches, http), *_reasons(live, PolicyAction.DENY, matches)]
    allowing = [policy for policy in live if policy.action is PolicyAction.ALLOW]
    documented = [policy for policy in allowing if not policy.is_default]
    declared = bool(documented)
    certain = [reason for reason in denying if reason.certain]
    if certain:
        return Reached(Reach.NEVER, declared, tuple(certain))
    if not allowing:
        return Reached(Reach.SOMETIMES if denying else Reach.ALWAYS, declared, tuple(denying))
    admitting = list(_reasons(live, PolicyAction.ALLOW, matches))
    if not admitting:
        silent = [Reason(Effect.SILENT, policy.document) for policy in documented] or [
            Reason(Effect.SILENT, DENY_BY_DEFAULT.document)
        ]
        return Reached(Reach.NEVER, declared, tuple(silent))
    if any(reason.certain for reason in admitting):
        admitting = [reason for reason in admitting if reason.certain]
        return Reached(Reach.SOMETIMES if denying else Reach.ALWAYS, declared, (*denying, *admitting))
    return Reached(Reach.SOMETIMES, declared, (*denying, *admitting))


def _reasons(
    policies: Iterable[Policy], action: PolicyAction, matches: Callable[[Policy, PolicyRule], Truth]
) -> Iterable[Reason]:
    effect = Effect.ALLOWS if action.opens else Effect.DENIES
    for policy in policies:
        if policy.action is action:
            for index, rule in enumerate(policy.rules):
                match = matches(policy, rule)
                if match is not False:
                    yield Reason(effect, policy.document, index, match is True, _is_for_anyone(rule), rule)


def _asking(policies: Sequence[Policy], matches: Callable[[Policy, PolicyRule], Truth], http: Truth) -> Iterable[Reason]:
    """What a provider says stays open. Where nobody can be asked, CUSTOM denies."""
    spoken = (True, False) if http is None else (http,)
    asked = [provider_of(policies, http=one) is not None for one in spoken]
    for reason in _reasons(policies, PolicyAction.CUSTOM, matches):
        if any(asked):
            reason = replace(reason, effect=Effect.ASKS, certain=False)  # noqa: PLW2901 - the same reason, seen closer
        yield reason


def _is_for_anyone(rule: PolicyRule) -> bool:
    asked = [*rule.when, *(condition for source in rule.sources for condition in source)]
    return not any(c.attribute.of_caller or c.attribute.of_token or c.attribute.of_address for c in asked)


class Observer:
    """Reads rules for one caller at one place."""

    def __init__(self, identity: str, place: Place, trust_domain: str) -> None:
        self._place = place
        self._judge = Judge(Call(identity=identity, port=place.port, http=place.http is True), trust_domain)

    def matches(self, policy: Policy, rule: PolicyRule) -> Truth:
        denies = not policy.action.opens
        parts = [self._all(rule.when, denies)]
        for alternatives in (rule.sources, rule.operations):
            if alternatives:
                parts.append(_any([self._all(item, denies) for item in alternatives]))
        return _all(parts)

    def _all(self, conditions: Conditions, denies: bool) -> Truth:
        return _all([self._holds(condition, denies) for condition in conditions])

    def _holds(self, condition: PolicyCondition, denies: bool) -> Truth:
        attribute, place = condition.attribute, self._place
        if attribute.needs_http and place.http is not True:
            return denies if place.http is False else None
        if attribute.of_caller or attribute is Attribute.DESTINATION_PORT or (attribute.of_token and not place.tokens):
            return self._judge.holds(condition, denies)
        if attribute in _ALWAYS_THERE and "*" in condition.values:
            return not condition.negated
        return None


_ALWAYS_THERE = frozenset({Attribute.METHOD, Attribute.PATH})
"""No request is without."""


def _all(values: Sequence[Truth]) -> Truth:
    return False if False in values else None if None in values else True


def _any(values: Sequence[Truth]) -> Truth:
    return True if True in values else None if None in values else False


class Map:
    """Of one mesh, as it is now: everything that was asked is remembered."""

    def __init__(self, mesh: MeshBuilder) -> None:
        self.mesh = mesh
        self._policies: dict[tuple[str, Labels, tuple[tuple[str, int], ...], int], tuple[Policy, ...]] = {}
        self._places: dict[tuple[ServiceRef, bool], tuple[Place, ...]] = {}
        self._found: dict[tuple[str, Place], Reached] = {}

    @cached_property
    def callers(self) -> dict[str, Caller]:
        """Everybody in the mesh who could call, by name."""
        found: dict[str, tuple[bool, set[str]]] = {}
        domain = self.mesh.settings.trust_domain
        for workload in self.mesh.workloads.values():
            services = sorted(self.mesh.services_of(workload), key=lambda s: (len(s.selector), s.ref))
            name = str(services[0].ref) if services else workload.id
            account = workload.service_account
            identity = names.spiffe_id(domain, workload.namespace, account) if account else ""
            found.setdefault(name, (bool(services), set()))[1].add(identity)
        return {name: Caller(name, service, tuple(sorted(ids))) for name, (service, ids) in sorted(found.items())}

    def reached(self, identities: Iterable[str], service: Service, *, routed: bool = True) -> Reached:
        """By callers of these identities (empty text: without certificate), at every place of a service."""
        found = [self._at(identity, place) for identity in identities for place in self.places(service, routed=routed)]
        return merged(found)

    def places(self, service: Service, *, routed: bool = True) -> tuple[Place, ...]:
        """Behind a service, once each; `routed`: where its routes lead, if it has any."""
        name = (service.ref, routed)
        if name not in self._places:
            found = dict.fromkeys(
                self._place(workload, at)
                for port in service.ports
                for answering, at in (self.answering(service, port) if routed else ((service, port),))
                for workload in self.mesh.behind(answering)
            )
            self._places[name] = tuple(found)
        return self._places[name]

    def answering(self, service: Service, port: ServicePort) -> list[tuple[Service, ServicePort]]:
        """The service itself, and where routes for its port lead instead."""
        ref, routing = PortRef(service.ref, port.number), self.mesh.routing
        requests = [rule.backends for binding in routing.requests.get(ref, ()) for rule in binding.rules]
        connections = [rule.backends for binding in routing.connections.get(ref, ()) for rule in binding.rules]
        backends = [backend for rule in (*requests, *connections) for backend in rule]
        led = {backend.to.port for backend in backends if backend.to is not None} or {ref}
        found = []
        for to in sorted(led):
            answering = self.mesh.services.get(to.service)
            at = answering.port(to.port) if answering is not None else None
            if answering is not None and at is not None and not answering.external:
                found.append((answering, at))
        return found

    def _place(self, workload: Workload, port: ServicePort) -> Place:
        number = workload_port(workload, port)
        protocol = self.mesh.inbound_protocols(workload).get(number, port.protocol)
        mode, origin = self.mesh.mtls.at(workload, number)
        policies = self._policies_of(workload, number)
        http = None if protocol is Protocol.AUTO else protocol.may_be_http
        tokens = bool(self.mesh.token_rules_of(workload))
        return Place(policies, tuple(map(id, policies)), number, http, tokens, mode, origin)

    def _policies_of(self, workload: Workload, number: int) -> tuple[Policy, ...]:
        """Read once for all workloads with the same labels and ports."""
        key = (workload.namespace, workload.labels, workload.ports, number)
        if key not in self._policies:
            self._policies[key] = self.mesh.policies_of(workload, number)
        return self._policies[key]

    def _at(self, identity: str, place: Place) -> Reached:
        known = self._found.get((identity, place))
        if known is None:
            known = self._found[identity, place] = self._decided(identity, place)
        return known

    def _decided(self, identity: str, place: Place) -> Reached:
        if place.mtls is MtlsMode.STRICT and not identity:
            document, at = (place.mtls_by.document, place.mtls_by.pointer) if place.mtls_by is not None else (None, "")
            return Reached(Reach.NEVER, declared=False, reasons=(Reason(Effect.MTLS, document, at=at),))
        seen = identity if place.mtls is not MtlsMode.DISABLE else ""  # its sidecar brings no certificate there
        return over_all(place.policies, Observer(seen, place, self.mesh.settings.trust_domain).matches, place.http)


def merged(found: Sequence[Reached]) -> Reached:
    """Of a caller with several identities, or a service with several places: "never" and "always" only if it is so for all."""
    if len(found) <= 1:
        return found[0] if found else UNREACHABLE
    reaches = {one.reach for one in found}
    reasons = dict.fromkeys(reason for one in found for reason in one.reasons)
    reach = reaches.pop() if len(reaches) == 1 else Reach.SOMETIMES
    return Reached(reach, all(one.declared for one in found), tuple(reasons))

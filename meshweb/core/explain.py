"""Why a call is allowed or denied: the mesh asked about one caller, one service and one request, before anything is sent.

Three hops can deny: the connection (mTLS that the server wants and the caller does not bring), a token that no RequestAuthentication takes,
and the policies in front of each workload behind the service. What routes do on the way is told by `core/effective.py`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from meshweb.core import authorization, names, tokens
from meshweb.core.arrival import Arrival, Target, arrival
from meshweb.core.authorization import Call, Judge
from meshweb.core.builder import MeshBuilder
from meshweb.core.caller import Caller
from meshweb.core.errors import pointer
from meshweb.core.gateway_peers import gateway_peers
from meshweb.core.intent import DocumentKey
from meshweb.core.ir.security import DENY_BY_DEFAULT, Attribute, Policy, PolicyAction, PolicyCondition
from meshweb.core.ir.services import Service, ServicePort, Workload
from meshweb.core.names import ServiceRef

MOST_TRACES = 50
_MANY = 1_000_000
"""More conditions than a rule can have."""


class Hop(StrEnum):
    """Where a call is decided."""

    CONNECTION = "connection"
    TOKEN = "token"
    POLICY = "policy"


class UnknownPeer(ValueError):
    """`field`: "from" or "to"; the text says what is wrong with it."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True, slots=True)
class Question:
    """caller: a SPIFFE ID, "namespace/name" of a workload, a service or a service account, or empty: without certificate. port: of the
    service; 0: its first. The rest as in `Call`."""

    caller: str
    service: str
    port: int
    call: Call


@dataclass(frozen=True, slots=True)
class FailedCondition:
    """What a condition wants (`field` is its JSON pointer), and what the call has."""

    field: str
    wants: tuple[str, ...]
    negated: bool
    got: str


@dataclass(frozen=True, slots=True)
class RuleTrace:
    index: int
    matched: bool
    failed: tuple[FailedCondition, ...]


@dataclass(frozen=True, slots=True)
class PolicyTrace:
    document: DocumentKey
    action: PolicyAction
    dry_run: bool
    rules: tuple[RuleTrace, ...]

    @property
    def first_match(self) -> int | None:
        return next((rule.index for rule in self.rules if rule.matched), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """At one workload. document and field: what decided, or for a denial by no policy the rule that came nearest; None: nobody said
    anything. reason: a sentence. asked: the extension provider whose answer decides what is allowed otherwise.
    policies: how each stands to the call, of many `MOST_TRACES` of them; omitted: how many more there are."""

    workload: str
    allowed: bool
    hop: Hop
    document: DocumentKey | None
    field: str
    reason: str
    policies: tuple[PolicyTrace, ...]
    asked: str = ""
    omitted: int = 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """identity: who the caller is taken for. verdicts: of each workload behind the service."""

    identity: str
    service: ServiceRef
    port: int
    verdicts: tuple[Verdict, ...]

    @property
    def asked(self) -> bool:
        """Some provider's answer decides."""
        return any(verdict.asked for verdict in self.verdicts)

    @property
    def allowed(self) -> bool:
        """By every workload, as far as its policies go; a service without any answers nobody."""
        return bool(self.verdicts) and all(verdict.allowed for verdict in self.verdicts)


def explain(mesh: MeshBuilder, question: Question) -> Explanation:
    """Raises UnknownPeer."""
    return Explainer(mesh).explain(question)


class Explainer:
    """Of one mesh, as it is now: which policies stand where is found out once."""

    def __init__(self, mesh: MeshBuilder) -> None:
        self._mesh = mesh
        self._peers = gateway_peers(mesh)
        self._policies: dict[tuple[str, int], tuple[Policy, ...]] = {}

    def explain(self, question: Question) -> Explanation:
        """Raises UnknownPeer."""
        mesh = self._mesh
        service = _service(mesh, question.service)
        port = _port(service, question.port)
        identity = _identity(mesh, question.caller)
        caller = _caller(mesh, question.caller, identity)
        asked = _from_its_address(mesh, question)
        targets = [Target(service, port, workload) for workload in mesh.behind(service)]
        verdicts = tuple(self._verdict(target, arrival(mesh, caller, identity, target), asked) for target in targets)
        return Explanation(identity, service.ref, port.number, verdicts)

    def _policies_at(self, target: Target) -> tuple[Policy, ...]:
        place = (target.workload.id, target.number)
        if place not in self._policies:
            self._policies[place] = self._mesh.policies_of(target.workload, target.number)
        return self._policies[place]

    def _verdict(self, target: Target, came: Arrival, sent: Call) -> Verdict:
        workload, at = target.workload, came.origin
        if came.refused:
            document, field = (at.document, at.pointer) if at is not None else (None, "")
            return Verdict(workload.id, False, Hop.CONNECTION, document, field, came.reason, ())
        try:
            claims = tokens.verified(sent.claims, self._mesh.token_rules_of(workload)) if came.http else {}
        except tokens.Refused as error:
            return Verdict(workload.id, False, Hop.TOKEN, None, "", str(error), ())
        address = _ip(workload.address)
        remote = self._peers.remote_of(came.identity, sent.source_ip, sent.remote_ip or "", http=came.http)
        call = replace(
            sent,
            identity=came.identity,
            port=target.number,
            http=came.http,
            destination_ip=address,
            claims=claims,
            remote_ip=remote,
        )
        return _judged(workload, self._policies_at(target), call, came, self._mesh.settings.trust_domain)


def _service(mesh: MeshBuilder, text: str) -> Service:
    namespace, _, name = text.partition("/")
    found = mesh.services.get(ServiceRef(namespace, name))
    if found is None:
        raise UnknownPeer("to", f"there is no Service {text}")
    if found.external:
        raise UnknownPeer("to", f"{text} is beyond the mesh: no policy of the mesh stands before it")
    return found


def _port(service: Service, number: int) -> ServicePort:
    found = service.port(number) if number else next(iter(service.ports), None)
    if found is None:
        known = ", ".join(str(port.number) for port in service.ports)
        raise UnknownPeer("to", f"Service {service.ref} has no port {number}; it has {known}")
    return found


def _identity(mesh: MeshBuilder, text: str) -> str:
    """Raises UnknownPeer when several could be meant."""
    if not text or text.startswith("spiffe://"):
        return text
    namespace, _, name = text.partition("/")
    workload = mesh.workloads.get((namespace, name))
    if workload is not None:
        return names.spiffe_id(mesh.settings.trust_domain, namespace, workload.service_account)
    service = mesh.services.get(ServiceRef(namespace, name))
    if service is not None:
        found = mesh.identities(service)
        if len(found) == 1:
            return found[0]
        who = "nobody stands" if not found else f"{len(found)} identities stand ({', '.join(found)})"
        raise UnknownPeer("from", f"{who} behind Service {text}: name a workload or an identity")
    if any((w.namespace, w.service_account) == (namespace, name) for w in mesh.workloads.values()):
        return names.spiffe_id(mesh.settings.trust_domain, namespace, name)
    raise UnknownPeer("from", f"there is no workload, service or service account {text}")


def _caller(mesh: MeshBuilder, text: str, identity: str) -> Caller:
    """As whom DestinationRules see it."""
    namespace, _, name = text.partition("/")
    workload = mesh.workloads.get((namespace, name))
    return mesh.caller(workload) if workload is not None else Caller(names.namespace_of(identity))


def _from_its_address(mesh: MeshBuilder, question: Question) -> Call:
    """A workload calls from its own address, unless the question says otherwise."""
    namespace, _, name = question.caller.partition("/")
    workload = mesh.workloads.get((namespace, name))
    if question.call.source_ip or workload is None:
        return question.call
    return replace(question.call, source_ip=_ip(workload.address))


def _ip(text: str) -> str:
    """Empty: it is a name, which policies do not see."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _judged(workload: Workload, policies: Sequence[Policy], call: Call, came: Arrival, trust_domain: str) -> Verdict:
    judge = Judge(call, trust_domain)
    matches, nearest = _weighed(policies, judge)
    decision = authorization.settle(policies, lambda policy: matches[id(policy)], http=call.http)
    document, field, reason = _reason(decision, policies, nearest, judge)
    asked = ""
    if decision.asked is not None and decision.allowed:
        policy, rule = decision.asked
        asked = policy.provider.name if policy.provider is not None else ""
        words = f"rule {rule + 1} of {policy.namespace}/{policy.name} asks {asked}, which decides"
        document, field, reason = policy.document, pointer("spec", "rules", rule), f"{words}; {reason}"
    reason = f"{reason}; {came.reason}" if came.reason else reason
    shown = _shown(policies, matches, nearest)
    traces = tuple(_trace(policy, judge, call) for policy in shown)
    omitted = sum(not policy.is_default for policy in policies) - len(shown)
    return Verdict(workload.id, decision.allowed, Hop.POLICY, document, field, reason, traces, asked, omitted)


def _shown(policies: Sequence[Policy], matches: Mapping[int, int | None], nearest: tuple[Policy, int] | None) -> list[Policy]:
    """Of many: those that match, the one that came nearest, and as many of the others, in order."""
    documented = [policy for policy in policies if not policy.is_default]
    if len(documented) <= MOST_TRACES:
        return documented
    telling = [p for p in documented if matches[id(p)] is not None or (nearest is not None and p is nearest[0])]
    wanted = {id(policy) for policy in telling[:MOST_TRACES]}
    for policy in documented:
        if len(wanted) == MOST_TRACES:
            break
        wanted.add(id(policy))
    return [policy for policy in documented if id(policy) in wanted]


def _reason(
    decision: authorization.Decision, policies: Sequence[Policy], nearest: tuple[Policy, int] | None, judge: Judge
) -> tuple[DocumentKey | None, str, str]:
    if decision.policy is not None and decision.rule is not None:
        policy, word = decision.policy, "allows" if decision.allowed else "denies"
        name = f"{policy.namespace}/{policy.name}"
        if policy.action is PolicyAction.CUSTOM:
            asked = policy.provider
            why = (
                asked.problem if asked is not None else ""
            ) or "the port has several providers, or does not speak what they are asked by"
            words = f"rule {decision.rule + 1} of {name} asks, and nobody can be asked: {why}"
            return policy.document, pointer("spec", "rules", decision.rule), words
        return policy.document, pointer("spec", "rules", decision.rule), f"rule {decision.rule + 1} of {name} {word} it"
    if decision.allowed:
        return None, "", "no policy denies it, and no ALLOW policy stands before the workload"
    if nearest is None:
        empty = next((p for p in policies if p.action is PolicyAction.ALLOW and not p.dry_run and not p.is_default), None)
        if empty is None:
            words = "the mesh denies by default, and no ALLOW policy stands before the workload"
            return DENY_BY_DEFAULT.document, "/spec/defaultAuthorization", words
        return empty.document, "/spec/rules", f"{empty.namespace}/{empty.name} admits nobody: it has no rules"
    policy, rule = nearest
    failed = judge.failed(policy, rule)
    field = failed[0].at if failed else pointer("spec", "rules", rule)
    where = f"{policy.namespace}/{policy.name}"
    return policy.document, field, f"no ALLOW policy admits it; nearest is rule {rule + 1} of {where}"


def _weighed(policies: Sequence[Policy], judge: Judge) -> tuple[Mapping[int, int | None], tuple[Policy, int] | None]:
    """The first rule of each policy that matches, by the policy's id (a hash would be taken of all its rules); and the rule of an ALLOW
    policy of which the fewest conditions do not hold: of several the first."""
    matches: dict[int, int | None] = {}
    nearest, least = None, _MANY
    for policy in policies:
        if policy.action is not PolicyAction.ALLOW or policy.dry_run:
            matches[id(policy)] = judge.matching_rule(policy)
            continue
        matches[id(policy)] = None
        for rule in range(len(policy.rules)):
            count = judge.lacking(policy, rule, least)
            if not count:
                matches[id(policy)] = rule
                break
            if count < least:
                nearest, least = (policy, rule), count
    return matches, nearest


def _trace(policy: Policy, judge: Judge, call: Call) -> PolicyTrace:
    rules = []
    for index in range(len(policy.rules)):
        failed = judge.failed(policy, index)
        told = tuple(FailedCondition(c.at, c.values, c.negated, _got(c, call)) for c in failed)
        rules.append(RuleTrace(index, not failed, told))
    return PolicyTrace(policy.document, policy.action, policy.dry_run, tuple(rules))


def _got(condition: PolicyCondition, call: Call) -> str:
    """What the call has instead; empty: nothing."""
    if condition.attribute.of_caller:
        return call.identity
    if condition.attribute.needs_http and not call.http:
        return "not HTTP"
    if condition.attribute.of_token:
        return "a token" if call.claims else "no token"
    if condition.attribute is Attribute.HEADER:
        return ", ".join(call.headers.get(condition.key, ()))
    return {
        Attribute.SOURCE_IP: call.source_ip,
        Attribute.REMOTE_IP: "not known" if call.remote_ip is None else call.remote_ip,
        Attribute.DESTINATION_IP: call.destination_ip,
        Attribute.DESTINATION_PORT: str(call.port),
        Attribute.SNI: call.sni,
        Attribute.METHOD: call.method,
        Attribute.HOST: call.host,
        Attribute.PATH: call.path,
    }[condition.attribute]

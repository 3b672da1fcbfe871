"""Why a call is allowed or denied: the mesh asked about one caller, one service and one request, before anything is sent.

Three hops can deny: the connection (mTLS that the server wants and the caller does not bring), a token that no RequestAuthentication takes,
and the policies in front of each workload behind the service. What routes do on the way is told by `core/effective.py`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
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
from meshweb.core.ir.services import Service, ServicePort
from meshweb.core.names import ServiceRef

_DEFAULT = DocumentKey("MeshConfig", "", "default")


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
    anything. reason: a sentence. asked: the extension provider whose answer decides what is allowed otherwise."""

    workload: str
    allowed: bool
    hop: Hop
    document: DocumentKey | None
    field: str
    reason: str
    policies: tuple[PolicyTrace, ...]
    asked: str = ""


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
    service = _service(mesh, question.service)
    port = _port(service, question.port)
    identity = _identity(mesh, question.caller)
    caller = _caller(mesh, question.caller, identity)
    asked = _from_its_address(mesh, question)
    targets = [Target(service, port, workload) for workload in mesh.behind(service)]
    verdicts = tuple(_verdict(mesh, target, arrival(mesh, caller, identity, target), asked) for target in targets)
    return Explanation(identity, service.ref, port.number, verdicts)


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


def _verdict(mesh: MeshBuilder, target: Target, came: Arrival, sent: Call) -> Verdict:
    workload, at = target.workload, came.origin
    if came.refused:
        document, field = (at.document, at.pointer) if at is not None else (None, "")
        return Verdict(workload.id, False, Hop.CONNECTION, document, field, came.reason, ())
    try:
        claims = tokens.verified(sent.claims, mesh.token_rules_of(workload)) if came.http else {}
    except tokens.Refused as error:
        return Verdict(workload.id, False, Hop.TOKEN, None, "", str(error), ())
    call = replace(
        sent, identity=came.identity, port=target.number, http=came.http, destination_ip=_ip(workload.address), claims=claims
    )
    told = sent.remote_ip or ""
    call = replace(call, remote_ip=gateway_peers(mesh).remote_of(call.identity, call.source_ip, told, http=call.http))
    policies = mesh.policies_of(workload, target.number)
    documented = [policy for policy in policies if policy != DENY_BY_DEFAULT]
    judge = Judge(call, mesh.settings.trust_domain)
    traces = {id(policy): _trace(policy, judge, call) for policy in documented}  # a hash would be taken of all their rules
    decision = authorization.settle(
        policies, lambda policy: traces[id(policy)].first_match if id(policy) in traces else None, http=call.http
    )
    document, field, reason = _reason(decision, documented, tuple(traces.values()))
    asked = ""
    if decision.asked is not None and decision.allowed:
        policy, rule = decision.asked
        asked = policy.provider.name if policy.provider is not None else ""
        words = f"rule {rule + 1} of {policy.namespace}/{policy.name} asks {asked}, which decides"
        document, field, reason = _key(policy), pointer("spec", "rules", rule), f"{words}; {reason}"
    reason = f"{reason}; {came.reason}" if came.reason else reason
    return Verdict(workload.id, decision.allowed, Hop.POLICY, document, field, reason, tuple(traces.values()), asked)


def _reason(
    decision: authorization.Decision, policies: Sequence[Policy], traces: Sequence[PolicyTrace]
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
            return _key(policy), pointer("spec", "rules", decision.rule), words
        return _key(policy), pointer("spec", "rules", decision.rule), f"rule {decision.rule + 1} of {name} {word} it"
    if decision.allowed:
        return None, "", "no policy denies it, and no ALLOW policy stands before the workload"
    nearest = _nearest(trace for trace in traces if trace.action is PolicyAction.ALLOW and not trace.dry_run)
    if nearest is None:
        empty = next((p for p in policies if p.action is PolicyAction.ALLOW and not p.dry_run), None)
        if empty is None:
            words = "the mesh denies by default, and no ALLOW policy stands before the workload"
            return _DEFAULT, "/spec/defaultAuthorization", words
        return _key(empty), "/spec/rules", f"{empty.namespace}/{empty.name} admits nobody: it has no rules"
    trace, rule = nearest
    field = rule.failed[0].field if rule.failed else pointer("spec", "rules", rule.index)
    where = f"{trace.document.namespace}/{trace.document.name}"
    return trace.document, field, f"no ALLOW policy admits it; nearest is rule {rule.index + 1} of {where}"


def _nearest(traces: Iterable[PolicyTrace]) -> tuple[PolicyTrace, RuleTrace] | None:
    found = [(trace, rule) for trace in traces for rule in trace.rules]
    return min(found, key=lambda pair: len(pair[1].failed), default=None)


def _trace(policy: Policy, judge: Judge, call: Call) -> PolicyTrace:
    rules = []
    for index in range(len(policy.rules)):
        failed = judge.failed(policy, index)
        told = tuple(FailedCondition(c.at, c.values, c.negated, _got(c, call)) for c in failed)
        rules.append(RuleTrace(index, not failed, told))
    return PolicyTrace(_key(policy), policy.action, policy.dry_run, tuple(rules))


def _key(policy: Policy) -> DocumentKey:
    return DocumentKey("AuthorizationPolicy", policy.namespace, policy.name)


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

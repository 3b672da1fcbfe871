"""Who may call: what a workload's AuthorizationPolicies decide about one call, and why.

The same policies become Envoy's rules in `core/envoy/rbac.py`; a test compares the two on random policies and calls.

Order (Istio, "AuthorizationPolicy"): a DENY that matches denies; without any ALLOW policy all others pass; else one must match. Where
matching more is the safe side (conditions of DENY, negated ones of ALLOW) a condition is read *leniently*: it also holds for what an
application may take for the same, a header that came several times, a method in small letters, parameters of a path's segments.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from meshweb.core.ir.security import Attribute, Conditions, Policy, PolicyAction, PolicyCondition, PolicyRule

_SPIFFE = re.compile(r"spiffe://([^/]+)/ns/([^/]+)/sa/([^/]+)")


@dataclass(frozen=True, slots=True)
class Call:
    """What a server's sidecar sees. identity: SPIFFE ID of a verified certificate, or empty. http: otherwise a connection, without what
    stands below. path: normalized, without query. headers: by name in lower case, each value that came."""

    identity: str = ""
    source_ip: str = ""
    destination_ip: str = ""
    port: int = 0
    sni: str = ""
    http: bool = True
    method: str = "GET"
    host: str = ""
    path: str = "/"
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """policy and rule: what decided; None: no ALLOW policy matched, or there is none."""

    allowed: bool
    policy: Policy | None = None
    rule: int | None = None


def decide(policies: Iterable[Policy], call: Call, trust_domain: str) -> Decision:
    """Of the policies of one workload, dry runs aside."""
    live = [policy for policy in policies if not policy.dry_run]
    for policy in (p for p in live if p.action is PolicyAction.DENY):
        rule = matching_rule(policy, call, trust_domain)
        if rule is not None:
            return Decision(False, policy, rule)
    allowing = [p for p in live if p.action is PolicyAction.ALLOW]
    if not allowing:
        return Decision(True)
    for policy in allowing:
        rule = matching_rule(policy, call, trust_domain)
        if rule is not None:
            return Decision(True, policy, rule)
    return Decision(False)


def matching_rule(policy: Policy, call: Call, trust_domain: str) -> int | None:
    """Index of the first rule that matches."""
    reader = _Reader(call, policy.action is PolicyAction.DENY, trust_domain)
    return next((index for index, rule in enumerate(policy.rules) if reader.matches(rule)), None)


def failed_conditions(policy: Policy, rule: int, call: Call, trust_domain: str) -> tuple[PolicyCondition, ...]:
    """Why a rule does not match: what does not hold of `when`, and of the source and the operation that come nearest."""
    return tuple(_Reader(call, policy.action is PolicyAction.DENY, trust_domain).failures(policy.rules[rule]))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the conditions of one policy's rules for one call."""

    call: Call
    denies: bool
    trust_domain: str

    def matches(self, rule: PolicyRule) -> bool:
        return not any(self.failures(rule))

    def failures(self, rule: PolicyRule) -> Iterator[PolicyCondition]:
        yield from self._failing(rule.when)
        for alternatives in (rule.sources, rule.operations):
            yield from min((self._failing(item) for item in alternatives), key=len, default=())

    def _failing(self, conditions: Conditions) -> Sequence[PolicyCondition]:
        return [condition for condition in conditions if not self._holds(condition)]

    def _holds(self, condition: PolicyCondition) -> bool:
        if condition.attribute.needs_http and not self.call.http:
            return self.denies
        if condition.attribute is Attribute.HEADER:
            lines = self.call.headers.get(condition.key, ())
            found = _header(lines, condition.values, lenient=self.denies != condition.negated)
        else:
            found = any(self._is(condition, value) for value in condition.values)
        if not condition.negated:
            return found
        # An ALLOW for everybody but some is not for those who do not say who they are.
        nameless = condition.attribute.of_caller and not self.denies and condition.values != ("*",) and not self.call.identity
        return not found and not nameless

    def _is(self, condition: PolicyCondition, value: str) -> bool:
        call, lenient = self.call, self.denies != condition.negated
        match condition.attribute:
            case Attribute.SOURCE_IP:
                return _within(call.source_ip, value)
            case Attribute.DESTINATION_IP:
                return _within(call.destination_ip, value)
            case Attribute.DESTINATION_PORT:
                return str(call.port) == value
            case Attribute.SNI:
                return _has_form(call.sni, value)
            case Attribute.METHOD:
                return _has_form(call.method.lower(), value.lower()) if lenient else _has_form(call.method, value)
            case Attribute.HOST:
                return _has_form(_bare(call.host), value)
            case Attribute.PATH:
                return _path(re.sub(r";[^/]*", "", call.path) if lenient else call.path, value)
            case _:
                return self._is_caller(condition.attribute, value)

    def _is_caller(self, attribute: Attribute, value: str) -> bool:
        identity = _SPIFFE.fullmatch(self.call.identity)
        if attribute is Attribute.PRINCIPAL:
            own = value.startswith("cluster.local/")
            text = self.trust_domain + value.removeprefix("cluster.local") if own else value
            return _has_form(self.call.identity.removeprefix("spiffe://"), text)
        if identity is None:
            return False
        domain, namespace, account = identity.groups()
        if attribute is Attribute.TRUST_DOMAIN:
            return _has_form(domain, self.trust_domain if value == "cluster.local" else value)
        if domain != self.trust_domain:
            return False
        if attribute is Attribute.NAMESPACE:
            return _has_form(namespace, value)
        return f"{namespace}/{account}" == value


def _has_form(text: str, form: str) -> bool:
    """Istio's string forms."""
    if form == "*":
        return bool(text)
    if form.startswith("*"):
        return text.endswith(form[1:])
    return text.startswith(form[:-1]) if form.endswith("*") else text == form


def _bare(host: str) -> str:
    """Without port, trailing dot and case."""
    literal = host.startswith("[") and "]" in host
    name = host[: host.index("]") + 1] if literal else host.partition(":")[0]
    return name.removesuffix(".").lower()


def _header(lines: Sequence[str], forms: Sequence[str], *, lenient: bool) -> bool:
    """Leniently: one line has a form, or what stands between its commas has; else all lines together, joined with commas."""
    if lenient:
        return any(_has_form(text, form) for line in lines for text in (line, *_elements(line)) for form in forms)
    return bool(lines) and any(_has_form(",".join(lines), form) for form in forms)


def _elements(line: str) -> Iterable[str]:
    return (part.strip(" \t") for part in line.split(","))


def _path(path: str, form: str) -> bool:
    if "{" not in form:
        return _has_form(path, form)
    segments, wanted = path.removeprefix("/").split("/"), form.removeprefix("/").split("/")
    if wanted[-1] == "{**}":
        segments, wanted = segments[: len(wanted) - 1] if len(segments) >= len(wanted) else [], wanted[:-1]
    if len(segments) != len(wanted):
        return False
    return all(part if want == "{*}" else part == want for part, want in zip(segments, wanted, strict=True))


def _within(address: str, block: str) -> bool:
    return bool(address) and ipaddress.ip_address(address) in ipaddress.ip_network(block)

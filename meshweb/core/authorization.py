"""Who may call: what a workload's AuthorizationPolicies decide about one call, and why.

The same policies become Envoy's rules in `core/envoy/rbac.py`; a test compares the two on random policies and calls.

Order (Istio, "AuthorizationPolicy"): about what a CUSTOM policy matches its provider is asked, and who it denies is denied; a DENY that
matches denies; without any ALLOW policy all others pass; else one must match. Where matching more is the safe side (conditions of DENY and
CUSTOM, negated ones of ALLOW) a condition is read *leniently*: it also holds for what an
application may take for the same, a header that came several times, a method in small letters, parameters of a path's segments.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from meshweb.core import tokens
from meshweb.core.ir.security import Attribute, Conditions, Policy, PolicyAction, PolicyCondition, PolicyRule, provider_of
from meshweb.core.tokens import has_form

_SPIFFE = re.compile(r"spiffe://([^/]+)/ns/([^/]+)/sa/([^/]+)")


@dataclass(frozen=True, slots=True)
class Call:
    """What a server's sidecar sees. remote_ip: from where it came first (`GatewayPeers.remote_of`); None: nobody knows. identity:
    SPIFFE ID of a verified certificate, or empty. http: otherwise a connection, without what stands below. path: normalized, without
    query. headers: by name in lower case, each value that came. claims: payload of a verified token, in which claims that are lists
    parted by spaces are lists; empty: there is none."""

    identity: str = ""
    source_ip: str = ""
    remote_ip: str | None = ""
    destination_ip: str = ""
    port: int = 0
    sni: str = ""
    http: bool = True
    method: str = "GET"
    host: str = ""
    path: str = "/"
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    claims: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """policy and rule: what decided; None: no ALLOW policy matched, or there is none. asked: the CUSTOM policy and its rule by which a
    provider is asked: what is allowed then is so only if the provider says so too."""

    allowed: bool
    policy: Policy | None = None
    rule: int | None = None
    asked: tuple[Policy, int] | None = None


def decide(policies: Iterable[Policy], call: Call, trust_domain: str) -> Decision:
    """Of the policies of one workload, dry runs aside."""
    return settle(policies, Judge(call, trust_domain).matching_rule, http=call.http)


def settle(policies: Iterable[Policy], matching_rule: Callable[[Policy], int | None], *, http: bool) -> Decision:
    """`matching_rule`: index of the first rule of a policy that matches."""
    live = [policy for policy in policies if not policy.dry_run]
    asked = None
    for policy in (p for p in live if p.action is PolicyAction.CUSTOM):
        rule = matching_rule(policy)
        if rule is not None and provider_of(live, http=http) is None:
            return Decision(False, policy, rule)
        if rule is not None:
            asked = asked or (policy, rule)
    return replace(_settled(live, matching_rule), asked=asked)


def _settled(live: Sequence[Policy], matching_rule: Callable[[Policy], int | None]) -> Decision:
    for policy in (p for p in live if p.action is PolicyAction.DENY):
        rule = matching_rule(policy)
        if rule is not None:
            return Decision(False, policy, rule)
    allowing = [p for p in live if p.action is PolicyAction.ALLOW]
    if not allowing:
        return Decision(True)
    for policy in allowing:
        rule = matching_rule(policy)
        if rule is not None:
            return Decision(True, policy, rule)
    return Decision(False)


class Judge:
    """Reads policies for one call."""

    def __init__(self, call: Call, trust_domain: str) -> None:
        self._call = call
        self._trust_domain = trust_domain
        self._principal = call.identity.removeprefix("spiffe://")
        identity = _SPIFFE.fullmatch(call.identity)
        self._domain, self._namespace, self._account = identity.groups() if identity is not None else ("", "", "")
        self._plain = {
            Attribute.DESTINATION_PORT: str(call.port),
            Attribute.SNI: call.sni,
            Attribute.METHOD: call.method,
            Attribute.HOST: _bare(call.host),
            Attribute.PRINCIPAL: self._principal,
            Attribute.TRUST_DOMAIN: self._domain,
            Attribute.NAMESPACE: self._namespace if self._domain == trust_domain else "",
            Attribute.SERVICE_ACCOUNT: f"{self._namespace}/{self._account}" if self._domain == trust_domain else "",
        }
        self._method = call.method.lower()
        self._path = re.sub(r";[^/]*", "", call.path)

    def matching_rule(self, policy: Policy) -> int | None:
        """Index of the first rule that matches."""
        denies = not policy.action.opens
        return next((index for index, rule in enumerate(policy.rules) if self._matches(rule, denies)), None)

    def failed(self, policy: Policy, rule: int) -> tuple[PolicyCondition, ...]:
        """Why a rule does not match: what does not hold of `when`, and of the source and the operation that come nearest."""
        denies, of = not policy.action.opens, policy.rules[rule]
        found = self._failing(of.when, denies)
        for alternatives in (of.sources, of.operations):
            failing = sorted((self._failing(item, denies) for item in alternatives), key=len)
            found += failing[0] if failing else []
        return tuple(found)

    def _matches(self, rule: PolicyRule, denies: bool) -> bool:
        return self._all(rule.when, denies) and all(
            not alternatives or any(self._all(item, denies) for item in alternatives)
            for alternatives in (rule.sources, rule.operations)
        )

    def _all(self, conditions: Conditions, denies: bool) -> bool:
        return all(self.holds(condition, denies) for condition in conditions)

    def _failing(self, conditions: Conditions, denies: bool) -> list[PolicyCondition]:
        return [condition for condition in conditions if not self.holds(condition, denies)]

    def holds(self, condition: PolicyCondition, denies: bool) -> bool:
        if condition.attribute.needs_http and not self._call.http:
            return denies
        found = self._found(condition, lenient=denies != condition.negated)
        if not condition.negated:
            return found
        # An ALLOW for everybody but some is not for those who do not say who they are.
        attribute, call = condition.attribute, self._call
        nameless = (attribute.of_caller and not call.identity) or (attribute.of_token and not call.claims)
        return not found and (denies or condition.values == ("*",) or not nameless)

    def _found(self, condition: PolicyCondition, *, lenient: bool) -> bool:
        """Whether one of the values is what the call has."""
        attribute, values, call = condition.attribute, condition.values, self._call
        match attribute:
            case Attribute.HEADER:
                return _header(call.headers.get(condition.key, ()), values, lenient=lenient)
            case Attribute.PATH:
                path = self._path if lenient else call.path
                return any(_path(path, value) for value in values)
            case Attribute.METHOD if lenient:
                return any(has_form(self._method, value.lower()) for value in values)
            case Attribute.REMOTE_IP:
                return lenient if call.remote_ip is None else any(_within(call.remote_ip, value) for value in values)
            case Attribute.SOURCE_IP | Attribute.DESTINATION_IP:
                address = call.source_ip if attribute is Attribute.SOURCE_IP else call.destination_ip
                return any(_within(address, value) for value in values)
            case Attribute.REQUEST_PRINCIPAL:
                return any(tokens.is_principal(call.claims, value, lenient=lenient) for value in values)
            case Attribute.AUDIENCE | Attribute.PRESENTER | Attribute.CLAIM:
                return any(tokens.has_claim(call.claims, condition.claim_path, value, lenient=lenient) for value in values)
            case Attribute.PRINCIPAL | Attribute.TRUST_DOMAIN:
                values = tuple(self._own(value) for value in values)
        text = self._plain[attribute]
        return any(has_form(text, value) for value in values)

    def _own(self, value: str) -> str:
        """Istio writes `cluster.local` for the mesh's own trust domain, whatever that is."""
        own = value == "cluster.local" or value.startswith("cluster.local/")
        return self._trust_domain + value.removeprefix("cluster.local") if own else value


def _bare(host: str) -> str:
    """Without port, trailing dot and case."""
    literal = host.startswith("[") and "]" in host
    name = host[: host.index("]") + 1] if literal else host.partition(":")[0]
    return name.removesuffix(".").lower()


def _header(lines: Sequence[str], forms: Sequence[str], *, lenient: bool) -> bool:
    """Leniently: one line has a form, or what stands between its commas has; else all lines together, joined with commas."""
    if lenient:
        return any(has_form(text, form) for line in lines for text in (line, *_elements(line)) for form in forms)
    return bool(lines) and any(has_form(",".join(lines), form) for form in forms)


def _elements(line: str) -> Iterable[str]:
    return (part.strip(" \t") for part in line.split(","))


def _path(path: str, form: str) -> bool:
    if "{" not in form:
        return has_form(path, form)
    segments, wanted = path.removeprefix("/").split("/"), form.removeprefix("/").split("/")
    if wanted[-1] == "{**}":
        segments, wanted = segments[: len(wanted) - 1] if len(segments) >= len(wanted) else [], wanted[:-1]
    if len(segments) != len(wanted):
        return False
    return all(part if want == "{*}" else part == want for part, want in zip(segments, wanted, strict=True))


def _within(address: str, block: str) -> bool:
    return bool(address) and ipaddress.ip_address(address) in ipaddress.ip_network(block)

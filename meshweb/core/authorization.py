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
from functools import lru_cache

from meshweb.core import tokens
from meshweb.core.ir.security import Attribute, Conditions, Policy, PolicyAction, PolicyCondition, provider_of
from meshweb.core.tokens import has_form

_READ_LENIENTLY = frozenset({Attribute.METHOD, Attribute.PATH})
_TEXTS = frozenset(
    {
        *_READ_LENIENTLY,
        Attribute.DESTINATION_PORT,
        Attribute.SNI,
        Attribute.HOST,
        Attribute.PRINCIPAL,
        Attribute.TRUST_DOMAIN,
        Attribute.NAMESPACE,
        Attribute.SERVICE_ACCOUNT,
    }
)
_OF_DOMAINS = frozenset({Attribute.PRINCIPAL, Attribute.TRUST_DOMAIN})
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
        identity = _SPIFFE.fullmatch(call.identity)
        domain, namespace, account = identity.groups() if identity is not None else ("", "", "")
        own = domain == trust_domain
        self._texts = {
            (Attribute.DESTINATION_PORT, False): str(call.port),
            (Attribute.SNI, False): call.sni,
            (Attribute.METHOD, False): call.method,
            (Attribute.METHOD, True): call.method.lower(),
            (Attribute.HOST, False): _bare(call.host),
            (Attribute.PATH, False): call.path,
            (Attribute.PATH, True): re.sub(r";[^/]*", "", call.path),
            (Attribute.PRINCIPAL, False): call.identity.removeprefix("spiffe://"),
            (Attribute.TRUST_DOMAIN, False): domain,
            (Attribute.NAMESPACE, False): namespace if own else "",
            (Attribute.SERVICE_ACCOUNT, False): f"{namespace}/{account}" if own else "",
        }

    def matching_rule(self, policy: Policy) -> int | None:
        """Index of the first rule that matches."""
        denies = not policy.action.opens
        for index, rule in enumerate(_read(policy, self._trust_domain)):
            if self._matches(rule, denies):
                return index
        return None

    def failed(self, policy: Policy, rule: int) -> tuple[PolicyCondition, ...]:
        """Why a rule does not match: what does not hold of `when`, and of the source and the operation that come nearest."""
        denies, of = not policy.action.opens, policy.rules[rule]
        found = self._failing(of.when, denies)
        for alternatives in (of.sources, of.operations):
            failing = sorted((self._failing(item, denies) for item in alternatives), key=len)
            found += failing[0] if failing else []
        return tuple(found)

    def lacking(self, policy: Policy, rule: int, limit: int) -> int:
        """How many conditions `failed` would name, counted up to `limit`."""
        denies, of = not policy.action.opens, _read(policy, self._trust_domain)[rule]
        count = self._count(of.when, denies, limit)
        for alternatives in (of.sources, of.operations):
            if alternatives and count < limit:
                count += min([self._count(item, denies, limit - count) for item in alternatives])
        return count

    def _matches(self, rule: _Rule, denies: bool) -> bool:
        return self._any(rule.sources, denies) and self._any(rule.operations, denies) and self._count(rule.when, denies, 1) == 0

    def _any(self, alternatives: tuple[_Checks, ...], denies: bool) -> bool:
        for item in alternatives:
            if self._count(item, denies, 1) == 0:
                return True
        return not alternatives

    def _count(self, checks: _Checks, denies: bool, limit: int) -> int:
        """How many do not hold, up to `limit`."""
        texts, http, count = self._texts, self._call.http, 0
        for place, forms, condition in checks:
            if http and place is not None:
                text = texts[place]
                if text in forms.whole or (forms.more and forms.fit(text)):
                    continue
            elif self.holds(condition, denies):
                continue
            count += 1
            if count >= limit:
                break
        return count

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
        place = _place(attribute, lenient)
        if place in self._texts:
            return _forms(attribute, values, self._trust_domain, lenient).fit(self._texts[place])
        match attribute:
            case Attribute.HEADER:
                return _header(call.headers.get(condition.key, ()), values, lenient=lenient)
            case Attribute.REMOTE_IP:
                return lenient if call.remote_ip is None else any(_within(call.remote_ip, value) for value in values)
            case Attribute.SOURCE_IP | Attribute.DESTINATION_IP:
                address = call.source_ip if attribute is Attribute.SOURCE_IP else call.destination_ip
                return any(_within(address, value) for value in values)
            case Attribute.REQUEST_PRINCIPAL:
                return any(tokens.is_principal(call.claims, value, lenient=lenient) for value in values)
            case Attribute.AUDIENCE | Attribute.PRESENTER | Attribute.CLAIM:
                return any(tokens.has_claim(call.claims, condition.claim_path, value, lenient=lenient) for value in values)
        raise AssertionError(attribute)


@dataclass(frozen=True, slots=True)
class _Forms:
    """Values of one condition, sorted by how they are compared: those that say all of a text, and `more`."""

    whole: frozenset[str]
    others: tuple[str, ...]
    templates: tuple[str, ...] = ()
    more: bool = False

    def fit(self, text: str) -> bool:
        return (
            text in self.whole
            or any(has_form(text, form) for form in self.others)
            or any(_fits_template(text, template) for template in self.templates)
        )


_NO_FORMS = _Forms(frozenset(), ())


@lru_cache(maxsize=65_536)
def _forms(attribute: Attribute, values: tuple[str, ...], trust_domain: str, lenient: bool) -> _Forms:
    """Of conditions on texts of a call. trust_domain: the mesh's own, for which Istio writes `cluster.local`, whatever it is."""
    if attribute is Attribute.METHOD and lenient:
        values = tuple(value.lower() for value in values)
    if attribute in _OF_DOMAINS:
        values = tuple(_own(value, trust_domain) for value in values)
    templates = tuple(value for value in values if attribute is Attribute.PATH and "{" in value)
    others = tuple(value for value in values if "*" in value and value not in templates)
    return _Forms(frozenset(values) - {*others, *templates}, others, templates, bool(others or templates))


_Place = tuple[Attribute, bool]
_Check = tuple[_Place | None, _Forms, PolicyCondition]
"""A condition, and which text of a call it is about in which forms, as most are; None: it has to be read."""
_Checks = tuple[_Check, ...]
"""All must hold."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """A `PolicyRule`, made ready."""

    sources: tuple[_Checks, ...]
    operations: tuple[_Checks, ...]
    when: _Checks


def _place(attribute: Attribute, lenient: bool) -> _Place:
    """Where `Judge` has the text that a condition looks at."""
    return (attribute, lenient and attribute in _READ_LENIENTLY)


def _read(policy: Policy, trust_domain: str) -> tuple[_Rule, ...]:
    """Made ready once: explanations ask a thousand policies about each call."""
    if not policy.ready or policy.ready[0] != trust_domain:
        denies = not policy.action.opens
        rules = tuple(
            _Rule(
                tuple(_checks(item, denies, trust_domain) for item in rule.sources),
                tuple(_checks(item, denies, trust_domain) for item in rule.operations),
                _checks(rule.when, denies, trust_domain),
            )
            for rule in policy.rules
        )
        policy.ready[:] = [trust_domain, rules]
    found: tuple[_Rule, ...] = policy.ready[1]
    return found


def _checks(conditions: Conditions, denies: bool, trust_domain: str) -> _Checks:
    return tuple(_check(condition, denies, trust_domain) for condition in conditions)


def _check(condition: PolicyCondition, denies: bool, trust_domain: str) -> _Check:
    if condition.negated or condition.attribute not in _TEXTS:
        return None, _NO_FORMS, condition
    return _place(condition.attribute, denies), _forms(condition.attribute, condition.values, trust_domain, denies), condition


def _own(value: str, trust_domain: str) -> str:
    own = value == "cluster.local" or value.startswith("cluster.local/")
    return trust_domain + value.removeprefix("cluster.local") if own else value


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


def _fits_template(path: str, template: str) -> bool:
    segments, wanted = path.removeprefix("/").split("/"), template.removeprefix("/").split("/")
    if wanted[-1] == "{**}":
        segments, wanted = segments[: len(wanted) - 1] if len(segments) >= len(wanted) else [], wanted[:-1]
    if len(segments) != len(wanted):
        return False
    return all(part if want == "{*}" else part == want for part, want in zip(segments, wanted, strict=True))


def _within(address: str, block: str) -> bool:
    return bool(address) and ipaddress.ip_address(address) in ipaddress.ip_network(block)

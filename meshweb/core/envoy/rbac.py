"""AuthorizationPolicies as Envoy RBAC rules (semantics: Istio, "AuthorizationPolicy"; order CUSTOM, DENY, ALLOW).

Istio skips a rule that it cannot translate; here nothing is skipped: an ALLOW that cannot match on this port matches nothing, and
a DENY whose HTTP fields cannot be read on a TCP port denies more, never less.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from meshweb.core.envoy import custom, rbac_remote, rbac_tokens, rbac_values
from meshweb.core.envoy.values import Json
from meshweb.core.intent import DocumentKey
from meshweb.core.ir.providers import Provider
from meshweb.core.ir.security import (
    NO_GATEWAYS,
    POLICY,
    Attribute,
    Conditions,
    GatewayPeers,
    Policy,
    PolicyAction,
    PolicyCondition,
    PolicyRule,
    provider_of,
)

_ALLOW, _DENY = 0, 1  # config.rbac.v3.RBAC.Action
_ANY: Json = {"any": True}
_POLICY_ID = re.compile(r"ns\[([a-z0-9-]{1,63})\]-([A-Za-z]{1,63})\[([a-z0-9.-]{1,253})\]-rule\[([0-9]{1,3})\]")
MTLS = "mtls"
"""How Envoy names the denial of a connection without certificate."""
HEADERS, MARKED_HEADERS = "meshweb.headers", "meshweb.headers.asked"
"""Namespaces of dynamic metadata: headers when DENY and ALLOW look at them, and before a provider is asked."""
_PRINCIPALS = frozenset(a for a in Attribute if a.of_caller or a.of_token or a.of_address)
"""What RBAC calls principals; all others are permissions."""


@dataclass(frozen=True, slots=True)
class RbacRules:
    """config.rbac.v3.RBAC values for the filters; None where there is nothing to decide. Those of `would_`: what would be decided if dry
    runs were none. custom: marks what `provider` is asked about; audit: what is recorded. headers: what the rules want in metadata;
    marked_headers: those of the two that mark, before anybody is asked."""

    deny: Json | None
    allow: Json | None
    would_deny: Json | None = None
    would_allow: Json | None = None
    custom: Json | None = None
    provider: Provider | None = None
    audit: Json | None = None
    headers: tuple[str, ...] = ()
    marked_headers: tuple[str, ...] = ()


def rules_for(
    policies: tuple[Policy, ...], *, http: bool, trust_domain: str, gateways: GatewayPeers | None = NO_GATEWAYS
) -> RbacRules:
    """gateways: who is believed when it says from where a request came; None: the proxy is one itself, and knows."""
    denying = [p for p in policies if p.action is PolicyAction.DENY]
    allowing = [p for p in policies if p.action is PolicyAction.ALLOW]
    asking = [p for p in policies if p.action is PolicyAction.CUSTOM]
    recording = [p for p in policies if p.action is PolicyAction.AUDIT]
    translation = _Translation(http, trust_domain, gateways)
    marking = replace(translation, headers=MARKED_HEADERS)
    live = [p for p in allowing if not p.dry_run]
    provider = provider_of(policies, http=http)
    return RbacRules(
        deny=translation.rbac(_DENY, [*(p for p in denying if not p.dry_run), *asking], provider),
        # An ALLOW policy without rules still asks for the filter: it then admits nobody.
        allow=translation.rbac(_ALLOW, live) if live else None,
        would_deny=translation.rbac(_DENY, (p for p in denying if p.dry_run)),
        would_allow=translation.rbac(_ALLOW, allowing) if len(live) < len(allowing) else None,
        custom=marking.marks(asking, partial(custom.marked, provider)) if provider is not None else None,
        provider=provider,
        audit=marking.marks(recording, str),
        headers=strict_headers([*denying, *allowing, *asking]),
        marked_headers=strict_headers([*asking, *recording]),
    )


def requiring_mtls(rbac: RbacRules) -> RbacRules:
    """With a DENY of all that came without a certificate. The listener takes no such connection any more, but those that are open from
    before may bring one more request."""
    rule = {"permissions": [_ANY], "principals": [{"not_id": rbac_values.SOMEBODY}]}
    held = rbac.deny["policies"] if rbac.deny is not None else {}
    return replace(rbac, deny={"action": _DENY, "policies": {**held, MTLS: rule}})


def policy_id(policy: Policy, rule: int) -> str:
    """How Envoy names what decided. `policy_of` reads it."""
    word = "policy" if policy.kind == POLICY else policy.kind
    return f"ns[{policy.namespace}]-{word}[{policy.name}]-rule[{rule}]"


def policy_of(identifier: str) -> tuple[DocumentKey, int] | None:
    """The document and its rule; None: not what `policy_id` makes."""
    found = _POLICY_ID.fullmatch(custom.rule_of(identifier))
    if found is None:
        return None
    kind = POLICY if found[2] == "policy" else found[2]
    return DocumentKey(kind, found[1], found[3]), int(found[4])


@dataclass(frozen=True, slots=True)
class _Translation:
    http: bool
    trust_domain: str
    gateways: GatewayPeers | None
    headers: str = HEADERS

    def rbac(self, action: int, policies: Iterable[Policy], provider: Provider | None = None) -> Json | None:
        """None: a DENY that denies nothing. provider: what CUSTOM policies match is denied where a chain does not know it, or always where
        there is none."""
        found: Json = {}
        for policy in policies:
            asks = policy.action is PolicyAction.CUSTOM
            unknown = custom.unless_known(provider) if asks and provider is not None else None
            if unknown is not None and not self.http:
                continue  # its filter stands in the same chain
            for index, rule in enumerate(policy.rules):
                translated = self._rule(rule, action == _DENY)
                if translated is not None:
                    found[policy_id(policy, index)] = _only(translated, unknown) if unknown is not None else translated
        return {"action": action, "policies": found} if found or action == _ALLOW else None

    def marks(self, policies: Iterable[Policy], name: Callable[[str], str]) -> Json | None:
        """Shadow rules; `name` makes Envoy's name of a rule from `policy_id`. None: nothing is ever marked."""
        found = {
            name(policy_id(policy, index)): self._rule(rule, denies=True)
            for policy in policies
            for index, rule in enumerate(policy.rules)
        }
        return {"action": _DENY, "policies": found} if found else None

    def _rule(self, rule: PolicyRule, denies: bool) -> Json | None:
        """None: never matches here (an ALLOW with HTTP fields on a TCP port)."""
        sources, operations = list(rule.sources), list(rule.operations)
        if not self.http and not denies:
            sources = [item for item in sources if not _needs_http(item)]
            operations = [item for item in operations if not _needs_http(item)]
            if _needs_http(rule.when) or len(sources) < bool(rule.sources) or len(operations) < bool(rule.operations):
                return None
        always = [c for c in rule.when if c.attribute in _PRINCIPALS], [c for c in rule.when if c.attribute not in _PRINCIPALS]
        return {
            "permissions": [self._permission((*item, *always[1]), denies) for item in operations or [()]],
            "principals": [self._principal((*item, *always[0]), denies) for item in sources or [()]],
        }

    # --- permissions --------------------------------------------------------------------------------------------------

    def _permission(self, conditions: Sequence[PolicyCondition], denies: bool) -> Json:
        parts = []
        for condition in conditions:
            if condition.attribute.needs_http and not self.http:
                continue  # of a DENY: denies more
            lenient = denies != condition.negated
            if condition.attribute is Attribute.HEADER:
                one_of = [self._header_lines(condition, lenient)]
            else:
                one_of = [_operation(condition, value, lenient) for value in condition.values]
            any_of = one_of[0] if len(one_of) == 1 else {"or_rules": {"rules": one_of}}
            parts.append({"not_rule": any_of} if condition.negated else any_of)
        return {"and_rules": {"rules": parts}} if parts else _ANY

    def _header_lines(self, condition: PolicyCondition, lenient: bool) -> Json:
        """Envoy looks at each line of a header that came several times, and is content with one. Where that is not the safe side, the
        header is read from metadata, where all lines are joined."""
        matcher = rbac_values.header(condition.values, lenient=lenient)
        if lenient:
            return _header(condition.key, matcher)
        return {"metadata": {"filter": self.headers, "path": [{"key": condition.key}], "value": {"string_match": matcher}}}

    # --- principals ---------------------------------------------------------------------------------------------------

    def _principal(self, conditions: Sequence[PolicyCondition], denies: bool) -> Json:
        parts = []
        for condition in conditions:
            if condition.attribute.needs_http and not self.http:
                continue  # of a DENY: denies more
            one_of = [self._source(condition, value, denies != condition.negated) for value in condition.values]
            any_of = one_of[0] if len(one_of) == 1 else {"or_ids": {"ids": one_of}}
            parts.append({"not_id": any_of} if condition.negated else any_of)
            if needs_identity(condition, denies=denies):
                parts.append(rbac_tokens.SOME if condition.attribute.of_token else rbac_values.SOMEBODY)
        return {"and_ids": {"ids": parts}} if parts else _ANY

    def _source(self, condition: PolicyCondition, value: str, lenient: bool) -> Json:
        if condition.attribute is Attribute.SOURCE_IP:
            return {"direct_remote_ip": rbac_values.cidr(value)}
        if condition.attribute is Attribute.REMOTE_IP:
            return rbac_remote.within(rbac_values.cidr(value), self.gateways, http=self.http, lenient=lenient)
        if condition.attribute is Attribute.REQUEST_PRINCIPAL:
            return rbac_tokens.principal(value, lenient=lenient)
        if condition.attribute.of_token:
            return rbac_tokens.claim(condition.claim_path, value, lenient=lenient)
        matcher = {
            Attribute.PRINCIPAL: rbac_values.principal,
            Attribute.NAMESPACE: rbac_values.namespace,
            Attribute.SERVICE_ACCOUNT: rbac_values.service_account,
            Attribute.TRUST_DOMAIN: rbac_values.trust_domain,
        }[condition.attribute]
        return rbac_values.caller(matcher(value, self.trust_domain))


def _only(rule: Json, permission: Json) -> Json:
    return {**rule, "permissions": [{"and_rules": {"rules": [one, permission]}} for one in rule["permissions"]]}


def needs_identity(condition: PolicyCondition, *, denies: bool) -> bool:
    """An ALLOW for everybody but some is not for those who do not say who they are, unless it says so (`notPrincipals: ["*"]`)."""
    named = condition.attribute.of_caller or condition.attribute.of_token
    return condition.negated and named and not denies and condition.values != ("*",)


def _needs_http(conditions: Conditions) -> bool:
    return any(condition.attribute.needs_http for condition in conditions)


def _operation(condition: PolicyCondition, value: str, lenient: bool) -> Json:
    match condition.attribute:
        case Attribute.HOST:
            return _header(":authority", rbac_values.host(value, lenient=lenient))
        case Attribute.METHOD:
            return _header(":method", rbac_values.text(value, ignore_case=lenient))
        case Attribute.PATH:
            return {"url_path": {"path": rbac_values.path(value, lenient=lenient)}}
        case Attribute.DESTINATION_IP:
            return {"destination_ip": rbac_values.cidr(value)}
        case Attribute.DESTINATION_PORT:
            return {"destination_port": int(value)}
        case Attribute.SNI:
            return {"requested_server_name": rbac_values.text(value)}
        case _:
            raise AssertionError(condition.attribute)


def strict_headers(policies: Iterable[Policy]) -> tuple[str, ...]:
    """Headers that rules want in metadata, below their namespace."""
    conditions = (
        (condition, not policy.action.opens) for policy in policies for rule in policy.rules for condition in rule.when
    )
    return tuple(sorted({c.key for c, denies in conditions if c.attribute is Attribute.HEADER and denies == c.negated}))


def _header(name: str, matcher: Json) -> Json:
    return {"header": {"name": name, "string_match": matcher}}

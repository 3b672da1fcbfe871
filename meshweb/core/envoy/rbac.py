"""AuthorizationPolicies as Envoy RBAC rules (semantics: Istio, "AuthorizationPolicy"; order DENY before ALLOW).

Istio skips a rule that it cannot translate; here nothing is skipped: an ALLOW that cannot match on this port matches nothing, and
a DENY whose HTTP fields cannot be read on a TCP port denies more, never less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from meshweb.core.envoy.values import Json
from meshweb.core.ir.security import Policy, PolicyAction, PolicyOperation, PolicyRule, PolicySource

_ALLOW, _DENY = 0, 1  # config.rbac.v3.RBAC.Action
_ANY: Json = {"any": True}


@dataclass(frozen=True, slots=True)
class RbacRules:
    """config.rbac.v3.RBAC values for the two filters; None where no filter is needed."""

    deny: Json | None
    allow: Json | None


def rules_for(policies: tuple[Policy, ...], *, http: bool, trust_domain: str) -> RbacRules:
    deny = _policies((p for p in policies if p.action is PolicyAction.DENY), http, trust_domain)
    allowing = [p for p in policies if p.action is PolicyAction.ALLOW]
    allow = _policies(allowing, http, trust_domain)
    return RbacRules(
        deny={"action": _DENY, "policies": deny} if deny else None,
        # An ALLOW policy without rules still asks for the filter: it then admits nobody.
        allow={"action": _ALLOW, "policies": allow} if allowing else None,
    )


def _policies(policies: Iterable[Policy], http: bool, trust_domain: str) -> Json:
    result: Json = {}
    for policy in policies:
        for index, rule in enumerate(policy.rules):
            translated = _rule(rule, policy.action, http, trust_domain)
            if translated is not None:
                result[f"ns[{policy.namespace}]-policy[{policy.name}]-rule[{index}]"] = translated
    return result


def _rule(rule: PolicyRule, action: PolicyAction, http: bool, trust_domain: str) -> Json | None:
    """None: never matches here (an ALLOW with HTTP fields on a TCP port)."""
    if not http and action is PolicyAction.ALLOW:
        operations = tuple(o for o in rule.operations if not o.needs_http)
        if rule.operations and not operations:
            return None
    else:
        operations = rule.operations
    return {
        "permissions": [_permission(operation, http) for operation in operations] or [_ANY],
        "principals": [_principal(source, trust_domain) for source in rule.sources] or [_ANY],
    }


def _permission(operation: PolicyOperation, http: bool) -> Json:
    parts: list[Json] = []
    if operation.ports:
        parts.append(_any_of([{"destination_port": port} for port in operation.ports]))
    if http and operation.methods:
        parts.append(_any_of([{"header": {"name": ":method", "string_match": _string(text)}} for text in operation.methods]))
    if http and operation.paths:
        parts.append(_any_of([{"url_path": {"path": _string(text)}} for text in operation.paths]))
    return {"and_rules": {"rules": parts}} if parts else _ANY


def _any_of(rules: list[Json]) -> Json:
    return rules[0] if len(rules) == 1 else {"or_rules": {"rules": rules}}


def _principal(source: PolicySource, trust_domain: str) -> Json:
    parts: list[Json] = []
    if source.principals:
        parts.append(_any_id([_authenticated(_identity(text, trust_domain)) for text in source.principals]))
    if source.namespaces:
        parts.append(_any_id([_authenticated(_namespace(text, trust_domain)) for text in source.namespaces]))
    return {"and_ids": {"ids": parts}} if parts else _ANY


def _any_id(ids: list[Json]) -> Json:
    return ids[0] if len(ids) == 1 else {"or_ids": {"ids": ids}}


def _authenticated(matcher: Json) -> Json:
    return {"authenticated": {"principal_name": matcher}}


def _identity(text: str, trust_domain: str) -> Json:
    """Istio writes principals without `spiffe://`, and `cluster.local` for the mesh's own trust domain, whatever that is."""
    if text.startswith("cluster.local/"):
        text = trust_domain + text.removeprefix("cluster.local")
    if text == "*":
        return {"safe_regex": {"regex": ".+"}}
    if text.startswith("*"):
        return {"safe_regex": {"regex": "spiffe://.*" + re.escape(text[1:])}}
    if text.endswith("*"):
        return {"prefix": "spiffe://" + text[:-1]}
    return {"exact": "spiffe://" + text}


def _namespace(text: str, trust_domain: str) -> Json:
    inner = re.escape(text.strip("*"))
    if text == "*":
        inner = "[^/]+"
    elif text.startswith("*"):
        inner = "[^/]*" + inner
    elif text.endswith("*"):
        inner += "[^/]*"
    return {"safe_regex": {"regex": f"spiffe://{re.escape(trust_domain)}/ns/{inner}/sa/[^/]+"}}


def _string(text: str) -> Json:
    if text == "*":
        return {"safe_regex": {"regex": ".+"}}
    if text.startswith("*"):
        return {"suffix": text[1:]}
    if text.endswith("*"):
        return {"prefix": text[:-1]}
    return {"exact": text}

"""Who may call: mTLS modes and AuthorizationPolicies."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MtlsMode(StrEnum):
    """PeerAuthentication modes (Istio). DISABLE is not offered."""

    STRICT = "STRICT"
    PERMISSIVE = "PERMISSIVE"


class PolicyAction(StrEnum):
    ALLOW = "ALLOW"
    DENY = "DENY"


class Attribute(StrEnum):
    """What a condition looks at. Values are those of `when.key` where Istio has one."""

    PRINCIPAL = "source.principal"
    NAMESPACE = "source.namespace"
    SERVICE_ACCOUNT = "source.serviceAccount"
    TRUST_DOMAIN = "source.trustDomain"
    SOURCE_IP = "source.ip"
    HEADER = "request.headers"
    HOST = "request.host"
    METHOD = "request.method"
    PATH = "request.path"
    DESTINATION_IP = "destination.ip"
    DESTINATION_PORT = "destination.port"
    SNI = "connection.sni"

    @property
    def of_caller(self) -> bool:
        """Says who calls: known by the client's certificate alone."""
        return self in _OF_CALLER

    @property
    def needs_http(self) -> bool:
        return self in _OF_REQUESTS


_OF_CALLER = frozenset({Attribute.PRINCIPAL, Attribute.NAMESPACE, Attribute.SERVICE_ACCOUNT, Attribute.TRUST_DOMAIN})
_OF_REQUESTS = frozenset({Attribute.HEADER, Attribute.HOST, Attribute.METHOD, Attribute.PATH})


@dataclass(frozen=True, slots=True)
class PolicyCondition:
    """One of `values`; negated: none of them. key: name of the header, in lower case. at: JSON pointer inside its document.

    Values have Istio's string forms (`abc`, `abc*`, `*abc`, `*`: present and not empty), but for addresses (CIDR), ports, and service
    accounts ("namespace/name"). A path may be a template: `{*}` is one segment, `{**}` at its end any number of them.
    """

    attribute: Attribute
    values: tuple[str, ...]
    negated: bool = False
    key: str = ""
    at: str = ""


Conditions = tuple[PolicyCondition, ...]
"""All must hold."""


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """`sources` OR, `operations` OR; these and `when` AND. All empty: always matches."""

    sources: tuple[Conditions, ...] = ()
    operations: tuple[Conditions, ...] = ()
    when: Conditions = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """An AuthorizationPolicy for one workload. No rules: never matches. dry_run: decides nothing, what it would decide is told."""

    namespace: str
    name: str
    action: PolicyAction
    rules: tuple[PolicyRule, ...]
    dry_run: bool = False

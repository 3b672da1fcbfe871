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


@dataclass(frozen=True, slots=True)
class PolicySource:
    """Fields AND; values of a field OR; an empty field matches everything.

    Values have Istio's string forms: `abc`, `abc*`, `*abc`, `*` (present and not empty).
    """

    principals: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyOperation:
    methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()

    @property
    def needs_http(self) -> bool:
        return bool(self.methods or self.paths)


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """`sources` OR, `operations` OR, both AND. Both empty: always matches."""

    sources: tuple[PolicySource, ...] = ()
    operations: tuple[PolicyOperation, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """An AuthorizationPolicy for one workload. No rules: never matches."""

    namespace: str
    name: str
    action: PolicyAction
    rules: tuple[PolicyRule, ...]

"""Who may call: mTLS modes, tokens, and AuthorizationPolicies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from meshweb.core.intent import DocumentKey
from meshweb.core.ir.providers import Provider


class MtlsMode(StrEnum):
    """PeerAuthentication modes (Istio). With DISABLE callers in the mesh come without mTLS; a server takes it from those that do not know
    yet."""

    STRICT = "STRICT"
    PERMISSIVE = "PERMISSIVE"
    DISABLE = "DISABLE"


@dataclass(frozen=True, slots=True)
class PeerModes:
    """What one PeerAuthentication says; None: what the next wider scope says. ports: of the workload, where they differ."""

    mode: MtlsMode | None
    ports: tuple[tuple[int, MtlsMode], ...] = ()

    @property
    def disables(self) -> bool:
        return MtlsMode.DISABLE in {self.mode, *(mode for _, mode in self.ports)}


POLICY = "AuthorizationPolicy"


class PolicyAction(StrEnum):
    ALLOW = "ALLOW"
    DENY = "DENY"
    CUSTOM = "CUSTOM"
    AUDIT = "AUDIT"

    @property
    def opens(self) -> bool:
        """What it matches passes; of all others matching more is the safe side."""
        return self is PolicyAction.ALLOW


class Attribute(StrEnum):
    """What a condition looks at. Values are those of `when.key` where Istio has one."""

    __hash__ = str.__hash__  # that of enums is not in C, and conditions are looked up by the thousand

    PRINCIPAL = "source.principal"
    NAMESPACE = "source.namespace"
    SERVICE_ACCOUNT = "source.serviceAccount"
    TRUST_DOMAIN = "source.trustDomain"
    SOURCE_IP = "source.ip"
    REMOTE_IP = "remote.ip"
    HEADER = "request.headers"
    HOST = "request.host"
    METHOD = "request.method"
    PATH = "request.path"
    DESTINATION_IP = "destination.ip"
    DESTINATION_PORT = "destination.port"
    SNI = "connection.sni"
    REQUEST_PRINCIPAL = "request.auth.principal"
    AUDIENCE = "request.auth.audiences"
    PRESENTER = "request.auth.presenter"
    CLAIM = "request.auth.claims"

    @property
    def of_caller(self) -> bool:
        """Says who calls: known by the client's certificate alone."""
        return self in _OF_CALLER

    @property
    def of_address(self) -> bool:
        """Says from where it comes."""
        return self in {Attribute.SOURCE_IP, Attribute.REMOTE_IP}

    @property
    def of_token(self) -> bool:
        """Known by a token alone that a RequestAuthentication verified."""
        return self in _OF_TOKENS

    @property
    def needs_http(self) -> bool:
        return self in _OF_REQUESTS or self.of_token


_OF_CALLER = frozenset({Attribute.PRINCIPAL, Attribute.NAMESPACE, Attribute.SERVICE_ACCOUNT, Attribute.TRUST_DOMAIN})
_OF_TOKENS = frozenset({Attribute.REQUEST_PRINCIPAL, Attribute.AUDIENCE, Attribute.PRESENTER, Attribute.CLAIM})
_OF_REQUESTS = frozenset({Attribute.HEADER, Attribute.HOST, Attribute.METHOD, Attribute.PATH})


@dataclass(frozen=True, slots=True)
class PolicyCondition:
    """One of `values`; negated: none of them. key: name of the header, in lower case. claim: names from the payload of the token down.
    at: JSON pointer inside its document.

    Values have Istio's string forms (`abc`, `abc*`, `*abc`, `*`: present and not empty), but for addresses (CIDR), ports, and service
    accounts ("namespace/name"). A path may be a template: `{*}` is one segment, `{**}` at its end any number of them.
    """

    attribute: Attribute
    values: tuple[str, ...]
    negated: bool = False
    key: str = ""
    at: str = ""
    claim: tuple[str, ...] = ()

    @property
    def claim_path(self) -> tuple[str, ...]:
        """Where in a token's payload it looks (OpenID Connect: `azp` is who the token was issued to)."""
        return {Attribute.AUDIENCE: ("aud",), Attribute.PRESENTER: ("azp",)}.get(self.attribute, self.claim)


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
    """An AuthorizationPolicy for one workload. No rules: never matches. dry_run: decides nothing, what it would decide is told. provider:
    whom CUSTOM asks."""

    namespace: str
    name: str
    action: PolicyAction
    rules: tuple[PolicyRule, ...]
    dry_run: bool = False
    provider: Provider | None = None
    kind: str = POLICY
    """Of the document: another when one that cannot be compiled admits nobody."""
    ready: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)
    """What `core/authorization.py` worked out of the rules."""

    @property
    def document(self) -> DocumentKey:
        return DocumentKey(self.kind, self.namespace, self.name)

    @property
    def is_default(self) -> bool:
        """Of no document of its own: the mesh's default."""
        return self.kind == "MeshConfig"


@dataclass(frozen=True, slots=True)
class GatewayPeers:
    """SPIFFE IDs of the mesh's gateways, which are believed when they say from where a request came. shared: those that workloads have
    too that are none: nobody knows then."""

    believed: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    def remote_of(self, identity: str, source: str, told: str, *, http: bool) -> str | None:
        """From where a call of `identity` comes that a server receives from the address `source`. told: what a gateway says; a gateway says
        nothing of connections that are not HTTP. None: nobody knows."""
        if identity in self.believed:
            return told if http else None
        return None if identity in self.shared else source


NO_GATEWAYS = GatewayPeers()


def reads_remote(policies: Iterable[Policy]) -> bool:
    """Whether a rule asks from where a request came first."""
    return any(
        condition.attribute is Attribute.REMOTE_IP
        for policy in policies
        for rule in policy.rules
        for conditions in (*rule.sources, rule.when)
        for condition in conditions
    )


def provider_of(policies: Iterable[Policy], *, http: bool) -> Provider | None:
    """Who is asked about what their CUSTOM rules match; None: nobody can be, and it is denied. One port has one provider (Istio), and a
    connection that is not HTTP is asked about by gRPC alone."""
    named = {policy.provider for policy in policies if policy.action is PolicyAction.CUSTOM}
    found = named.pop() if len(named) == 1 else None
    if found is None or found.definition is None or found.problem or not (http or found.definition.grpc):
        return None
    return found


DENY_BY_DEFAULT = Policy("", "default", PolicyAction.ALLOW, (), kind="MeshConfig")
"""What stands before every workload where the mesh's default is to deny: it admits nobody."""


@dataclass(frozen=True, slots=True)
class TokenRule:
    """Tokens of one issuer that a workload takes, of a RequestAuthentication. name: unique. keys: a JSON Web Key Set of public keys; empty:
    there are none, and each of its tokens is refused.

    audiences: one of them must be in the token; empty: any. Where tokens are looked for: from_headers (name, what stands before the
    token), from_params, from_cookies; all empty: `Authorization: Bearer`, then the parameter `access_token`. forward: the application
    gets the token too. payload_header: where it gets the payload, in base64url; empty: nowhere. claim_headers: (header, claim).
    space_delimited: claims that are lists parted by spaces.
    """

    name: str
    issuer: str
    keys: str
    audiences: tuple[str, ...] = ()
    from_headers: tuple[tuple[str, str], ...] = ()
    from_params: tuple[str, ...] = ()
    from_cookies: tuple[str, ...] = ()
    forward: bool = False
    payload_header: str = ""
    claim_headers: tuple[tuple[str, str], ...] = ()
    space_delimited: tuple[str, ...] = ()

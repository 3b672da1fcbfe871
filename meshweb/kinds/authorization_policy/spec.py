"""AuthorizationPolicy (Istio reference): actions ALLOW, DENY, CUSTOM and AUDIT with every field of `from`, `to` and `when` that a
certificate, a token, a connection or a request tells.

Every other field of Istio's is refused with its path: a condition that is silently ignored would open what it was meant to close.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import Field

from meshweb.core.errors import Violation, pointer, under
from meshweb.core.ir.security import PolicyAction
from meshweb.kinds.authorization_policy import when
from meshweb.kinds.authorization_policy.forms import (
    Block,
    Host,
    Method,
    PathPattern,
    PortText,
    Principal,
    RequestPrincipal,
    ServiceAccount,
    Wildcard,
)
from meshweb.kinds.base import Metadata, SpecModel
from meshweb.kinds.common.istio_selector import Selector, TargetRefs, selector_violations, target_violations

MAX_RULES = 512
DRY_RUN = "istio.io/dry-run"
"""Annotation."""
Some = Field(min_length=1, max_length=256)


class SourceSpec(SpecModel):
    """Who calls. serviceAccounts: `namespace/name`, or `name` in the policy's namespace; not beside principals or namespaces.
    requestPrincipals: `issuer/subject` of a token that a RequestAuthentication verified. remoteIpBlocks: from where a request came first,
    as far as gateways of the mesh say so."""

    principals: Annotated[tuple[Principal, ...], Some] | None = None
    not_principals: Annotated[tuple[Principal, ...], Some] | None = None
    request_principals: Annotated[tuple[RequestPrincipal, ...], Some] | None = None
    not_request_principals: Annotated[tuple[RequestPrincipal, ...], Some] | None = None
    namespaces: Annotated[tuple[Wildcard, ...], Some] | None = None
    not_namespaces: Annotated[tuple[Wildcard, ...], Some] | None = None
    service_accounts: Annotated[tuple[ServiceAccount, ...], Some] | None = None
    not_service_accounts: Annotated[tuple[ServiceAccount, ...], Some] | None = None
    trust_domains: Annotated[tuple[Wildcard, ...], Some] | None = None
    not_trust_domains: Annotated[tuple[Wildcard, ...], Some] | None = None
    ip_blocks: Annotated[tuple[Block, ...], Some] | None = None
    not_ip_blocks: Annotated[tuple[Block, ...], Some] | None = None
    remote_ip_blocks: Annotated[tuple[Block, ...], Some] | None = None
    not_remote_ip_blocks: Annotated[tuple[Block, ...], Some] | None = None


class FromSpec(SpecModel):
    source: SourceSpec


class OperationSpec(SpecModel):
    hosts: Annotated[tuple[Host, ...], Some] | None = None
    not_hosts: Annotated[tuple[Host, ...], Some] | None = None
    ports: Annotated[tuple[PortText, ...], Some] | None = None
    not_ports: Annotated[tuple[PortText, ...], Some] | None = None
    methods: Annotated[tuple[Method, ...], Some] | None = None
    not_methods: Annotated[tuple[Method, ...], Some] | None = None
    paths: Annotated[tuple[PathPattern, ...], Some] | None = None
    not_paths: Annotated[tuple[PathPattern, ...], Some] | None = None


class ToSpec(SpecModel):
    operation: OperationSpec


class ConditionSpec(SpecModel):
    """values: one of them; notValues: none of them."""

    key: Annotated[str, Field(max_length=256)]
    values: Annotated[tuple[Annotated[str, Field(max_length=1024)], ...], Field(max_length=256)] = ()
    not_values: Annotated[tuple[Annotated[str, Field(max_length=1024)], ...], Field(max_length=256)] = ()


class RuleSpec(SpecModel):
    """`{}` matches every request."""

    from_: Annotated[tuple[FromSpec, ...], Some] | None = Field(default=None, alias="from")
    to: Annotated[tuple[ToSpec, ...], Some] | None = None
    when: Annotated[tuple[ConditionSpec, ...], Some] | None = None


class ProviderRef(SpecModel):
    """name: of an extension provider of the MeshConfig."""

    name: Annotated[str, Field(min_length=1, max_length=63)]


class AuthorizationPolicySpec(SpecModel):
    """No `rules`: never matches; with action ALLOW that denies everything in scope. targetRefs: instead of selector, what it is for.
    provider: with action CUSTOM, who is asked about what the rules match."""

    selector: Selector | None = None
    target_refs: TargetRefs | None = None
    action: PolicyAction = PolicyAction.ALLOW
    provider: ProviderRef | None = None
    rules: Annotated[tuple[RuleSpec, ...], Field(max_length=MAX_RULES)] = ()


def check(metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, AuthorizationPolicySpec)
    yield from selector_violations(spec.selector)
    yield from target_violations(metadata.namespace, spec.selector, spec.target_refs)
    if metadata.annotations.get(DRY_RUN, "false") not in {"true", "false"}:
        yield Violation(pointer("metadata", "annotations", DRY_RUN), "enum", "must be true or false")
    yield from _action(metadata, spec)
    for index, rule in enumerate(spec.rules):
        yield from under(("spec", "rules", index), _rule(rule))


def _action(metadata: Metadata, spec: AuthorizationPolicySpec) -> Iterator[Violation]:
    asks = spec.action is PolicyAction.CUSTOM
    if asks and spec.provider is None:
        yield Violation("/spec/provider", "required", "must name the extension provider that CUSTOM asks")
    if not asks and spec.provider is not None:
        yield Violation("/spec/provider", "conflict", f"has no meaning with action {spec.action}: only CUSTOM asks")
    if spec.action not in {PolicyAction.ALLOW, PolicyAction.DENY} and metadata.annotations.get(DRY_RUN) == "true":
        words = f"must not stand on a policy with action {spec.action}: a dry run is for ALLOW and DENY (Istio)"
        yield Violation(pointer("metadata", "annotations", DRY_RUN), "conflict", words)


def _rule(rule: RuleSpec) -> Iterator[Violation]:
    for index, item in enumerate(rule.from_ or ()):
        source, at = item.source, ("from", index, "source")
        if source == SourceSpec():
            yield Violation(pointer(*at), "required", "must say who calls")
        if (source.service_accounts or source.not_service_accounts) and (
            source.principals or source.not_principals or source.namespaces or source.not_namespaces
        ):
            name = "serviceAccounts" if source.service_accounts else "notServiceAccounts"
            yield Violation(pointer(*at, name), "conflict", "must not stand beside principals or namespaces")
    for index, target in enumerate(rule.to or ()):
        if target.operation == OperationSpec():
            yield Violation(pointer("to", index, "operation"), "required", "must name hosts, ports, methods or paths")
    for index, condition in enumerate(rule.when or ()):
        lists = {"values": condition.values, "notValues": condition.not_values}
        yield from under(("when", index), when.violations(condition.key, lists))

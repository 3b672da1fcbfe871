"""A policy reaches every workload in scope; from the root namespace it reaches the whole mesh (Istio, "AuthorizationPolicy"). One with
`targetRefs` reaches what they name, and nothing else."""

from collections.abc import Iterable, Iterator

from pydantic.alias_generators import to_camel

from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.errors import pointer
from meshweb.core.intent import Document, Unreadable
from meshweb.core.ir.providers import Provider
from meshweb.core.ir.security import Attribute, Conditions, Policy, PolicyAction, PolicyCondition, PolicyRule, reads_remote
from meshweb.core.providers import provider_named
from meshweb.core.scoped import Audience, Scoped
from meshweb.kinds.authorization_policy import when
from meshweb.kinds.authorization_policy.spec import (
    DRY_RUN,
    AuthorizationPolicySpec,
    ConditionSpec,
    OperationSpec,
    RuleSpec,
    SourceSpec,
)
from meshweb.kinds.authorization_policy.targets import attach, target_references
from meshweb.kinds.base import Reference
from meshweb.kinds.common.istio_selector import labels_of, scope_of

_SOURCE = {
    "principals": Attribute.PRINCIPAL,
    "request_principals": Attribute.REQUEST_PRINCIPAL,
    "namespaces": Attribute.NAMESPACE,
    "service_accounts": Attribute.SERVICE_ACCOUNT,
    "trust_domains": Attribute.TRUST_DOMAIN,
    "ip_blocks": Attribute.SOURCE_IP,
    "remote_ip_blocks": Attribute.REMOTE_IP,
}
_OPERATION = {
    "hosts": Attribute.HOST,
    "ports": Attribute.DESTINATION_PORT,
    "methods": Attribute.METHOD,
    "paths": Attribute.PATH,
}


def references(document: Document) -> Iterable[Reference]:
    return target_references(document, _spec(document).target_refs or ())


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = _spec(document)
    rules = tuple(_rule(rule, index, document.namespace) for index, rule in enumerate(spec.rules))
    dry_run = document.annotations.get(DRY_RUN) == "true"
    provider = provider_named(mesh, spec.provider.name) if spec.provider is not None else None
    policy = Policy(document.namespace, document.name, spec.action, rules, dry_run, provider)
    words = "decides nothing: dry run" if dry_run else ""
    needs_http, ports = _needs_http(policy)
    if reads_remote([policy]):
        mesh.remote_readers.add(document.key)
    if provider is not None:
        words = _asks(mesh, document, provider)
    if spec.target_refs is not None:
        attached = attach(mesh, document, spec.target_refs, needs_http, ports)
        for target in attached.targets:
            mesh.targeted.put(target, document.key, policy)
        mesh.report(document, attached.accepted(words))
        return
    namespace, labels = scope_of(mesh, document), labels_of(spec.selector)
    mesh.policies.append(Scoped(namespace, labels, document, policy))
    mesh.report(document, Condition.accepted(words))
    mesh.expect(document, Audience(namespace, labels, "no workload is in its scope yet", needs_http, ports))


def _asks(mesh: MeshBuilder, document: Document, provider: Provider) -> str:
    """What is to be known of the provider."""
    mesh.askers[document.key] = provider.name
    if provider.problem:
        words = f"{provider.problem}: what the rules match is denied"
        mesh.report(document, Condition.unresolved("ProviderNotFound", words))
        return ""
    mesh.report(document, Condition.resolved())
    definition = provider.definition
    return f"what {provider.name} cannot be asked about passes: failOpen" if definition is not None and definition.open else ""


def fail_closed(mesh: MeshBuilder, document: Document) -> None:
    """What it covers is not known where it cannot be read: then nobody is admitted to all that it could cover."""
    labels = frozenset() if isinstance(document.spec, Unreadable) else labels_of(_spec(document).selector)
    mesh.deny_all(scope_of(mesh, document), labels, document)


def _spec(document: Document) -> AuthorizationPolicySpec:
    assert isinstance(document.spec, AuthorizationPolicySpec)
    return document.spec


_FATES = {
    PolicyAction.ALLOW: "admits nobody",
    PolicyAction.DENY: "denies all that its other fields cover",
    PolicyAction.AUDIT: "records all that its other fields cover",
    PolicyAction.CUSTOM: "asks about all that its other fields cover",
}


def _needs_http(policy: Policy) -> tuple[str, frozenset[int]]:
    """What its author should know where HTTP is not spoken, and the ports that it is about (`Audience`)."""
    for index, rule in enumerate(policy.rules):
        if any(c.attribute.needs_http for conditions in (*rule.sources, *rule.operations, rule.when) for c in conditions):
            fate = _FATES[policy.action]
            told = f"rule {index + 1} reads HTTP, which port {{port}} of {{workload}} does not speak: there it {fate}"
            return told, _ports(rule)
    return "", frozenset()


def _ports(rule: PolicyRule) -> frozenset[int]:
    """The only ports that a rule is for; empty: any."""
    named = [
        {int(value) for c in operation if c.attribute is Attribute.DESTINATION_PORT and not c.negated for value in c.values}
        for operation in rule.operations
    ]
    return frozenset().union(*named) if all(named) else frozenset()


def _rule(rule: RuleSpec, index: int, namespace: str) -> PolicyRule:
    at = pointer("spec", "rules", index)
    return PolicyRule(
        sources=tuple(
            tuple(_fields(item.source, _SOURCE, at + pointer("from", number, "source"), namespace))
            for number, item in enumerate(rule.from_ or ())
        ),
        operations=tuple(
            tuple(_fields(item.operation, _OPERATION, at + pointer("to", number, "operation"), namespace))
            for number, item in enumerate(rule.to or ())
        ),
        when=tuple(
            condition
            for number, item in enumerate(rule.when or ())
            for condition in _when(item, at + pointer("when", number), namespace)
        ),
    )


def _fields(
    spec: SourceSpec | OperationSpec, attributes: dict[str, Attribute], at: str, namespace: str
) -> Iterator[PolicyCondition]:
    for name, attribute in attributes.items():
        for field, negated in ((name, False), (f"not_{name}", True)):
            values: tuple[str, ...] | None = getattr(spec, field)
            if values:
                yield PolicyCondition(
                    attribute, _placed(attribute, values, namespace), negated, at=at + pointer(to_camel(field))
                )


def _when(spec: ConditionSpec, at: str, namespace: str) -> Conditions:
    parsed = when.parse_key(spec.key)
    assert parsed is not None, "checked at write"
    attribute, key, claim = parsed
    return tuple(
        PolicyCondition(
            attribute,
            _placed(attribute, tuple(when.parse_value(attribute, value) for value in values), namespace),
            negated,
            key,
            at + pointer(field),
            claim,
        )
        for field, negated, values in (("values", False, spec.values), ("notValues", True, spec.not_values))
        if values
    )


def _placed(attribute: Attribute, values: tuple[str, ...], namespace: str) -> tuple[str, ...]:
    """A service account without namespace is of the policy's own."""
    if attribute is not Attribute.SERVICE_ACCOUNT:
        return values
    return tuple(value if "/" in value else f"{namespace}/{value}" for value in values)

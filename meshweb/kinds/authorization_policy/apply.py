"""A policy reaches every workload in scope; from the root namespace it reaches the whole mesh (Istio, "AuthorizationPolicy")."""

from collections.abc import Iterator

from pydantic.alias_generators import to_camel

from meshweb.core.builder import MeshBuilder, Scoped
from meshweb.core.conditions import Condition
from meshweb.core.errors import pointer
from meshweb.core.intent import Document, Unreadable
from meshweb.core.ir.security import Attribute, Conditions, Policy, PolicyCondition, PolicyRule
from meshweb.kinds.authorization_policy import when
from meshweb.kinds.authorization_policy.spec import (
    DRY_RUN,
    AuthorizationPolicySpec,
    ConditionSpec,
    OperationSpec,
    RuleSpec,
    SourceSpec,
)

_SOURCE = {
    "principals": Attribute.PRINCIPAL,
    "namespaces": Attribute.NAMESPACE,
    "service_accounts": Attribute.SERVICE_ACCOUNT,
    "trust_domains": Attribute.TRUST_DOMAIN,
    "ip_blocks": Attribute.SOURCE_IP,
}
_OPERATION = {
    "hosts": Attribute.HOST,
    "ports": Attribute.DESTINATION_PORT,
    "methods": Attribute.METHOD,
    "paths": Attribute.PATH,
}


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = _spec(document)
    rules = tuple(_rule(rule, index, document.namespace) for index, rule in enumerate(spec.rules))
    dry_run = document.annotations.get(DRY_RUN) == "true"
    policy = Policy(document.namespace, document.name, spec.action, rules, dry_run)
    scoped = Scoped(_scope(mesh, document), _labels(spec), document, policy)
    mesh.policies.append(scoped)
    mesh.report(document, Condition.accepted("decides nothing: dry run" if dry_run else ""))
    mesh.expect(document, scoped.namespace, scoped.labels, "no workload is in its scope yet")


def fail_closed(mesh: MeshBuilder, document: Document) -> None:
    """A policy that cannot be compiled admits nobody to what it covers; one that cannot be read, to all that it could cover."""
    labels = frozenset() if isinstance(document.spec, Unreadable) else _labels(_spec(document))
    mesh.deny_all(_scope(mesh, document), labels, document)


def _spec(document: Document) -> AuthorizationPolicySpec:
    assert isinstance(document.spec, AuthorizationPolicySpec)
    return document.spec


def _scope(mesh: MeshBuilder, document: Document) -> str:
    return "" if document.namespace == mesh.settings.root_namespace else document.namespace


def _labels(spec: AuthorizationPolicySpec) -> frozenset[tuple[str, str]]:
    return frozenset(spec.selector.match_labels.items()) if spec.selector is not None else frozenset()


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
    attribute, key = parsed
    return tuple(
        PolicyCondition(
            attribute,
            _placed(attribute, tuple(when.parse_value(attribute, value) for value in values), namespace),
            negated,
            key,
            at + pointer(field),
        )
        for field, negated, values in (("values", False, spec.values), ("notValues", True, spec.not_values))
        if values
    )


def _placed(attribute: Attribute, values: tuple[str, ...], namespace: str) -> tuple[str, ...]:
    """A service account without namespace is of the policy's own."""
    if attribute is not Attribute.SERVICE_ACCOUNT:
        return values
    return tuple(value if "/" in value else f"{namespace}/{value}" for value in values)

"""A policy reaches every workload in scope; from the root namespace it reaches the whole mesh (Istio, "AuthorizationPolicy")."""

from meshweb.core.builder import MeshBuilder, Scoped
from meshweb.core.conditions import Condition
from meshweb.core.intent import Document, Unreadable
from meshweb.core.ir.security import Policy, PolicyOperation, PolicyRule, PolicySource
from meshweb.kinds.authorization_policy.spec import AuthorizationPolicySpec, OperationSpec, RuleSpec, SourceSpec


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = _spec(document)
    policy = Policy(document.namespace, document.name, spec.action, tuple(_rule(rule) for rule in spec.rules))
    scoped = Scoped(_scope(mesh, document), _labels(spec), document, policy)
    mesh.policies.append(scoped)
    mesh.report(document, Condition.accepted())
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


def _rule(rule: RuleSpec) -> PolicyRule:
    return PolicyRule(
        sources=tuple(_source(item.source) for item in rule.from_ or ()),
        operations=tuple(_operation(item.operation) for item in rule.to or ()),
    )


def _source(source: SourceSpec) -> PolicySource:
    return PolicySource(principals=source.principals or (), namespaces=source.namespaces or ())


def _operation(operation: OperationSpec) -> PolicyOperation:
    return PolicyOperation(
        methods=operation.methods or (),
        paths=operation.paths or (),
        ports=tuple(int(port) for port in operation.ports or ()),
    )

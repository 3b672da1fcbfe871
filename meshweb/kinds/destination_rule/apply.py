"""A DestinationRule lays its policy on the hosts that its name covers."""

from __future__ import annotations

from collections.abc import Iterable

from meshweb.core import hosts
from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.destination_rules import DestinationRule
from meshweb.core.intent import Document, DocumentKey
from meshweb.core.ir.traffic_policy import Subset
from meshweb.core.names import service_host
from meshweb.kinds.base import Reference
from meshweb.kinds.common.istio_scope import service_reference, visible_in
from meshweb.kinds.destination_rule.policy import ported_policy
from meshweb.kinds.destination_rule.spec import DestinationRuleSpec


def references(document: Document) -> Iterable[Reference]:
    spec = _spec(document)
    yield from service_reference(document, spec.host, "/spec/host")
    policies = [("/spec/trafficPolicy", spec.traffic_policy)]
    policies += [(f"/spec/subsets/{i}/trafficPolicy", subset.traffic_policy) for i, subset in enumerate(spec.subsets)]
    for at, policy in policies:
        if policy is None:
            continue
        parts = [(at, policy.tls)]
        parts += [(f"{at}/portLevelSettings/{i}", item.tls) for i, item in enumerate(policy.port_level_settings)]
        for place, tls in parts:
            if tls is not None and tls.credential_name is not None:
                yield Reference(DocumentKey("Secret", document.namespace, tls.credential_name), f"{place}/tls/credentialName")


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = _spec(document)
    found = mesh.service_named(spec.host, document.namespace) if not spec.host.startswith("*") else None
    suffix = mesh.settings.dns_suffix
    host = service_host(found.ref, suffix) if found is not None else hosts.qualified(spec.host, document.namespace, suffix)
    labels = spec.workload_selector.match_labels if spec.workload_selector is not None else {}
    rule = DestinationRule(
        document=document,
        host=host,
        policy=ported_policy(spec.traffic_policy, document.namespace),
        subsets=tuple(
            Subset(subset.name, frozenset(subset.labels.items()), ported_policy(subset.traffic_policy, document.namespace))
            for subset in spec.subsets
        ),
        visible_in=visible_in(spec.export_to, document.namespace),
        callers=frozenset(labels.items()),
    )
    winner = mesh.destination_rules.add(rule)
    mesh.report(document, Condition.accepted())
    if winner is not None:
        words = f"{winner.document.key} is older and decides for {host} in this namespace; only other subsets of this one count"
        mesh.report(document, Condition.conflicted("HostConflict", words))
    if mesh.services_matching(host):
        mesh.report(document, Condition.resolved())
    else:
        mesh.report(document, Condition.unresolved("HostNotFound", f"no service has the host {host}"))


def _spec(document: Document) -> DestinationRuleSpec:
    assert isinstance(document.spec, DestinationRuleSpec)
    return document.spec

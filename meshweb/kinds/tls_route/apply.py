"""A TLSRoute lays its backends on the service ports and Gateway listeners that it names as parents."""

from __future__ import annotations

from collections.abc import Iterable

from meshweb.core.builder import MeshBuilder
from meshweb.core.errors import pointer
from meshweb.core.gateway_table import HostRules
from meshweb.core.intent import Document
from meshweb.core.ir.routing import Backend, ConnectionRule, Origin
from meshweb.core.route_table import Binding
from meshweb.kinds.base import Reference
from meshweb.kinds.common.gateway_parents import (
    Refusal,
    backend_reference,
    destination_of,
    parent_references,
    parents_of,
)
from meshweb.kinds.tls_route.spec import TLSRouteSpec


def references(document: Document) -> Iterable[Reference]:
    spec = _spec(document)
    yield from parent_references(document, spec.parent_refs)
    for r, rule in enumerate(spec.rules):
        for b, backend in enumerate(rule.backend_refs):
            yield backend_reference(document, backend, pointer("spec", "rules", r, "backendRefs", b))


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = _spec(document)
    problems: list[Refusal] = []
    backends = tuple(
        Backend(destination_of(mesh, document, ref, problems), ref.weight) for rule in spec.rules for ref in rule.backend_refs
    )
    origin = Origin(document.key, pointer("spec", "rules", 0))
    parents = parents_of(mesh, document, spec.parent_refs, spec.hostnames)
    for port, visibility in parents.ports:
        rule = ConnectionRule(backends, spec.hostnames, origin=origin)
        mesh.routing.bind_connections(port, Binding(document, (rule,), visibility))
    for server, names in parents.servers:
        rule = ConnectionRule(backends, names, origin=origin)
        mesh.gateways.bind(server, HostRules(document, "", (), (rule,)))
    parents.report(mesh, document, problems)


def _spec(document: Document) -> TLSRouteSpec:
    assert isinstance(document.spec, TLSRouteSpec)
    return document.spec

"""A ReferenceGrant lets documents of other namespaces refer to what is in its own."""

from __future__ import annotations

from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.grants import Grant
from meshweb.core.intent import Document
from meshweb.kinds.reference_grant.spec import ReferenceGrantSpec


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = document.spec
    assert isinstance(spec, ReferenceGrantSpec)
    for source in spec.from_:
        for target in spec.to:
            grant = Grant(source.group, source.kind, source.namespace, target.group, target.kind, target.name or "")
            mesh.grants.add(document.namespace, grant)
    mesh.report(document, Condition.accepted())

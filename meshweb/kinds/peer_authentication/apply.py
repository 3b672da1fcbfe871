"""The mode reaches every workload in scope; the root namespace's document covers the mesh."""

from meshweb.core.builder import MeshBuilder, Scoped
from meshweb.core.conditions import Condition
from meshweb.core.intent import Document
from meshweb.core.ir.security import MtlsMode
from meshweb.kinds.common.istio_selector import labels_of, scope_of
from meshweb.kinds.peer_authentication.spec import PeerAuthenticationSpec


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = document.spec
    assert isinstance(spec, PeerAuthenticationSpec)
    labels = labels_of(spec.selector)
    mesh_wide = document.namespace == mesh.settings.root_namespace and not labels
    scope = "" if mesh_wide else document.namespace
    same = next((s for s in mesh.mtls_modes if (s.namespace, s.labels) == (scope, labels)), None)
    if same is not None:  # documents come oldest first
        message = f"{same.document.key} is older and has the same scope"
        mesh.report(document, Condition.not_accepted("Conflicted", message))
        return
    if spec.mtls.mode != "UNSET":
        mesh.mtls_modes.append(Scoped(scope, labels, document, MtlsMode(spec.mtls.mode)))
    mesh.report(document, Condition.accepted())


def fail_closed(mesh: MeshBuilder, document: Document) -> None:
    """Whatever it said, nothing in its namespace takes calls without mTLS until it can be read again."""
    mesh.require_mtls(scope_of(mesh, document))

"""The mode reaches every workload in scope; the root namespace's document covers the mesh."""

from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.intent import Document
from meshweb.core.ir.security import MtlsMode, PeerModes
from meshweb.core.scoped import Audience, Scoped
from meshweb.kinds.common.istio_selector import labels_of, scope_of
from meshweb.kinds.peer_authentication.spec import MutualTls, PeerAuthenticationSpec


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = document.spec
    assert isinstance(spec, PeerAuthenticationSpec)
    labels = labels_of(spec.selector)
    mesh_wide = document.namespace == mesh.settings.root_namespace and not labels
    scope = "" if mesh_wide else document.namespace
    same = mesh.mtls.of_scope(scope, labels)
    if same is not None:  # documents come oldest first
        message = f"{same.document.key} is older and has the same scope"
        mesh.report(document, Condition.not_accepted("Conflicted", message))
        return
    ports = {int(port): _mode(mtls) for port, mtls in spec.port_level_mtls.items()}
    said = tuple((port, mode) for port, mode in sorted(ports.items()) if mode is not None)
    mesh.mtls.put(Scoped(scope, labels, document, PeerModes(_mode(spec.mtls), said)))
    mesh.report(document, Condition.accepted())
    mesh.expect(document, Audience(scope, labels, "no workload is in its scope yet"))


def fail_closed(mesh: MeshBuilder, document: Document) -> None:
    """Whatever it said, nothing in its namespace takes calls without mTLS until it can be read again."""
    mesh.mtls.require(scope_of(mesh, document))


def _mode(mtls: MutualTls) -> MtlsMode | None:
    return MtlsMode(mtls.mode) if mtls.mode != "UNSET" else None

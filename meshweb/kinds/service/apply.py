"""A service enters the mesh's register."""

from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.intent import Document
from meshweb.core.ir.services import Service, ServicePort
from meshweb.core.names import ServiceRef
from meshweb.core.protocols import protocol_of
from meshweb.core.scoped import Audience
from meshweb.kinds.service.spec import ServiceSpec


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = document.spec
    assert isinstance(spec, ServiceSpec)
    ref = ServiceRef(document.namespace, document.name)
    ports = tuple(
        ServicePort(port.port, port.name, protocol_of(port.app_protocol, port.name), port.target_port)
        for port in sorted(spec.ports, key=lambda port: port.port)
    )
    service = Service(ref, ports, frozenset(spec.selector.items()), created=document.created)
    mesh.services[ref] = service
    if service.selector:
        mesh.report(document, Condition.accepted())
        mesh.expect(document, Audience(document.namespace, service.selector, "its selector picks no workload yet"))
    else:
        mesh.report(document, Condition.accepted("without a selector, no workload is behind it"))

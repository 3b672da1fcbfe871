"""A ServiceEntry enters its hosts into the mesh's register."""

from __future__ import annotations

from collections.abc import Iterable

from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.intent import Document, DocumentKey
from meshweb.core.ir.services import Protocol, Resolution, Service, ServicePort, Workload
from meshweb.core.names import ServiceRef
from meshweb.core.protocols import protocol_of
from meshweb.kinds.base import Served, SpecModel
from meshweb.kinds.common.istio_scope import visible_in
from meshweb.kinds.service_entry.spec import ServiceEntrySpec, ServicePort as PortSpec


def serves(key: DocumentKey, spec: SpecModel) -> Iterable[Served]:
    assert isinstance(spec, ServiceEntrySpec)
    numbers = tuple(port.number for port in spec.ports)
    for host in spec.hosts:
        yield ServiceRef(key.namespace, host), numbers


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = document.spec
    assert isinstance(spec, ServiceEntrySpec)
    taken: list[str] = []
    for host in spec.hosts:
        service = _service(document, spec, host)
        if service.ref in mesh.services:
            taken.append(host)
        else:
            mesh.services[service.ref] = service
    if len(taken) == len(spec.hosts):
        words = f"an older document of {document.namespace} has {', '.join(taken)} already"
        mesh.report(document, Condition.not_accepted("HostConflict", words))
        return
    mesh.report(document, Condition.accepted(_notes(spec)))
    if taken:
        words = f"an older document of {document.namespace} has {', '.join(taken)} already"
        mesh.report(document, Condition.conflicted("HostConflict", words))


def _service(document: Document, spec: ServiceEntrySpec, host: str) -> Service:
    return Service(
        ref=ServiceRef(document.namespace, host),
        ports=tuple(_port(port) for port in sorted(spec.ports, key=lambda port: port.number)),
        selector=frozenset(spec.workload_selector.labels.items()) if spec.workload_selector is not None else frozenset(),
        external=spec.location == "MESH_EXTERNAL",
        resolution=_resolution(spec, host),
        listed=tuple(_workload(document, spec, host, index) for index in range(len(spec.endpoints))),
        accounts=spec.subject_alt_names,
        addresses=spec.addresses,
        visible_in=visible_in(spec.export_to, document.namespace),
        created=document.created,
        entry=document.name,
    )


def _port(port: PortSpec) -> ServicePort:
    protocol = protocol_of(port.protocol.lower() if port.protocol is not None else None, port.name)
    return ServicePort(port.number, port.name, protocol, port.target_port)


def _resolution(spec: ServiceEntrySpec, host: str) -> Resolution:
    """NONE leaves the address to the caller. A caller of this mesh dials the sidecar's address for the host, so that DNS has to be
    asked: for the host, or below a wildcard for whatever a request names."""
    if spec.resolution == "NONE":
        return Resolution.DYNAMIC_DNS if host.startswith("*") else Resolution.DNS
    return Resolution(spec.resolution)


def _workload(document: Document, spec: ServiceEntrySpec, host: str, index: int) -> Workload:
    endpoint = spec.endpoints[index]
    return Workload(
        namespace=document.namespace,
        name=f"{host}#{index}",
        address=endpoint.address,
        labels=frozenset(endpoint.labels.items()),
        ports=tuple(sorted(endpoint.ports.items())),
        service_account=endpoint.service_account or ("" if spec.location == "MESH_EXTERNAL" else "default"),
        weight=endpoint.weight,
        locality=endpoint.locality or "",
        healthy=True,
    )


def _notes(spec: ServiceEntrySpec) -> str:
    unnamed = [port for port in map(_port, spec.ports) if port.protocol in {Protocol.TCP, Protocol.AUTO}]
    if unnamed and any(_resolution(spec, host) is Resolution.DYNAMIC_DNS for host in spec.hosts):
        numbers = ", ".join(str(port.number) for port in unnamed)
        return f"connections to port {numbers} that are neither HTTP nor TLS name no host and are closed"
    return ""

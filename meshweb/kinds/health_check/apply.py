"""A HealthCheck is kept by every proxy that may call the services that it names."""

from __future__ import annotations

from collections.abc import Iterable

from meshweb.core.builder import MeshBuilder
from meshweb.core.intent import Document
from meshweb.core.ir.health_checks import Check, GrpcCheck, HealthCheck, HttpCheck, TcpCheck
from meshweb.core.ir.services import Resolution, Service, ServicePort
from meshweb.core.names import PortRef, ServiceRef
from meshweb.kinds.base import Reference
from meshweb.kinds.common.targets import report_targets, target_references
from meshweb.kinds.durations import milliseconds
from meshweb.kinds.health_check.spec import HealthCheckSpec, TargetRef


def references(document: Document) -> Iterable[Reference]:
    return target_references(document, _spec(document).target_refs)


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = _spec(document)
    check = HealthCheck(
        document=document.key,
        check=_check(spec),
        interval=milliseconds(spec.interval),
        timeout=milliseconds(spec.timeout),
        unhealthy=spec.unhealthy_threshold,
        healthy=spec.healthy_threshold,
        panic=spec.panic_threshold,
    )
    refusals: list[str] = []
    holding = {found.document for ref in spec.target_refs for found in _attach(mesh, document, ref, check, refusals)}
    report_targets(mesh, document, holding, refusals)


def _spec(document: Document) -> HealthCheckSpec:
    assert isinstance(document.spec, HealthCheckSpec)
    return document.spec


def _check(spec: HealthCheckSpec) -> Check:
    if spec.http is not None:
        http = spec.http
        headers = tuple((header.name.lower(), header.value) for header in http.headers)
        return HttpCheck(http.path, http.method, http.host or "", tuple(sorted(http.expected_statuses)), headers)
    if spec.grpc is not None:
        return GrpcCheck(spec.grpc.service)
    assert spec.tcp is not None
    send, receive = (payload.content() if payload is not None else b"" for payload in (spec.tcp.send, spec.tcp.receive))
    return TcpCheck(send, receive)


def _attach(
    mesh: MeshBuilder, document: Document, ref: TargetRef, check: HealthCheck, refusals: list[str]
) -> list[HealthCheck]:
    """What holds on the target now, this one or an older; none, with the reason, where there is nothing to check."""
    name = f"{ref.kind} {document.namespace}/{ref.name}"
    services = _services(mesh, document.namespace, ref)
    if not services:
        refusals.append(f"there is no {name}")
        return []
    if all(service.resolution is Resolution.DYNAMIC_DNS for service in services):
        refusals.append(f"{name} stands for hosts that requests name: it has no endpoints to check")
        return []
    ports = [
        PortRef(service.ref, port.number)
        for service in services
        if service.resolution is not Resolution.DYNAMIC_DNS
        for port in service.ports
        if ref.section_name in {None, port.name} and _speaks(port, check.check)
    ]
    if not ports:
        wanted = f" named {ref.section_name}" if ref.section_name is not None else ""
        refusals.append(f"{name} has no port{wanted} that speaks {_WORDS[type(check.check)]}")
    return [mesh.health_checks.put(port, check) for port in ports]


def _services(mesh: MeshBuilder, namespace: str, ref: TargetRef) -> list[Service]:
    if ref.kind == "ServiceEntry":
        return [s for s in mesh.services.values() if s.ref.namespace == namespace and s.entry == ref.name]
    service = mesh.services.get(ServiceRef(namespace, ref.name))
    return [service] if service is not None else []


_WORDS = {HttpCheck: "HTTP", GrpcCheck: "HTTP/2 or gRPC", TcpCheck: "TCP"}


def _speaks(port: ServicePort, check: Check) -> bool:
    if isinstance(check, HttpCheck):
        return port.protocol.may_be_http
    return port.protocol.speaks_http2 if isinstance(check, GrpcCheck) else True

"""Service, the part of Kubernetes' that a mesh without kube-proxy has a use for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from meshweb.core.errors import Violation, pointer
from meshweb.core.intent import DocumentKey
from meshweb.core.names import ServiceRef
from meshweb.core.protocols import KNOWN_PROTOCOLS
from meshweb.kinds.base import DnsLabel, Labels, Metadata, PortNumber, Served, SpecModel


class ServicePortSpec(SpecModel):
    """appProtocol unset: read from the port's name (`grpc-api`, Istio's rule), else the proxies look."""

    name: DnsLabel | Literal[""] = ""
    port: PortNumber
    target_port: PortNumber | DnsLabel | None = None
    protocol: Literal["TCP"] = "TCP"
    app_protocol: str | None = None


class ServiceSpec(SpecModel):
    selector: Labels = Field(default_factory=dict)
    ports: Annotated[tuple[ServicePortSpec, ...], Field(min_length=1, max_length=64)]
    type: Literal["ClusterIP"] = "ClusterIP"


def serves(key: DocumentKey, spec: SpecModel) -> Iterable[Served]:
    assert isinstance(spec, ServiceSpec)
    yield ServiceRef(key.namespace, key.name), tuple(port.port for port in spec.ports)


def check(_metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, ServiceSpec)
    numbers: set[int] = set()
    names: set[str] = set()
    for index, port in enumerate(spec.ports):
        if port.port in numbers:
            yield Violation(pointer("spec", "ports", index, "port"), "duplicate", f"port {port.port} is given twice")
        if len(spec.ports) > 1 and not port.name:
            yield Violation(pointer("spec", "ports", index, "name"), "required", "must be set when there are several ports")
        if port.name and port.name in names:
            yield Violation(pointer("spec", "ports", index, "name"), "duplicate", f"port name {port.name!r} is given twice")
        if port.app_protocol is not None and port.app_protocol.lower() not in KNOWN_PROTOCOLS:
            words = f"must be one of {', '.join(KNOWN_PROTOCOLS)}"
            yield Violation(pointer("spec", "ports", index, "appProtocol"), "enum", words)
        numbers.add(port.port)
        names.add(port.name)

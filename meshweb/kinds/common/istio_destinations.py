"""Which port of which service a destination of Istio means."""

from __future__ import annotations

from meshweb.core.builder import MeshBuilder
from meshweb.core.caller import Caller
from meshweb.core.destination_rules import resolve
from meshweb.core.intent import Document
from meshweb.core.ir.routing import Destination
from meshweb.core.names import PortRef, service_host
from meshweb.kinds.common import istio

Problems = list[tuple[str, str]]
"""Reasons and messages."""


def destination_of(
    mesh: MeshBuilder, document: Document, destination: istio.Destination, problems: Problems | None = None
) -> Destination | None:
    """As seen from the document in which it is written. None, with the reason in `problems`: there is no such port."""
    told = problems if problems is not None else []
    service = mesh.service_named(destination.host, document.namespace)
    if service is None:
        told.append(("BackendNotFound", f"no service has the host {destination.host}"))
        return None
    number = destination.port.number if destination.port is not None else None
    if number is None and len(service.ports) > 1:
        told.append(("BackendNotFound", f"{destination.host} has several ports: destination.port must name one"))
        return None
    port = service.port(number) if number is not None else service.ports[0]
    if port is None:
        told.append(("BackendNotFound", f"{destination.host} has no port {number}"))
        return None
    if destination.subset is not None:
        host = service_host(service.ref, mesh.settings.dns_suffix)
        rules = mesh.destination_rules.applying(Caller(document.namespace), host, service.ref.namespace)
        if resolve(rules, port.number, destination.subset) is None:
            told.append(("SubsetNotFound", f"no DestinationRule for {host} defines the subset {destination.subset}"))
    return Destination(PortRef(service.ref, port.number), destination.subset or "")

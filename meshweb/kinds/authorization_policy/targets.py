"""What `targetRefs` name: the workloads behind a service, the listeners of a Gateway, the requests that a route takes there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.errors import pointer
from meshweb.core.intent import Document, DocumentKey
from meshweb.core.ir.gateways import GatewayRef
from meshweb.core.ir.services import Service
from meshweb.core.names import ServiceRef
from meshweb.core.scoped import Audience
from meshweb.core.targets import Target
from meshweb.kinds.base import Reference
from meshweb.kinds.common.istio_selector import TargetRef


@dataclass(slots=True)
class Attachment:
    """targets: where the policy is to be put, also where nothing is yet. missing: what is not there. unenforceable: what no proxy of the
    mesh stands before; each in words. remarks: what its author should know besides."""

    targets: list[Target] = field(default_factory=list)
    held: int = 0
    missing: list[str] = field(default_factory=list)
    unenforceable: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def accepted(self, words: str) -> Condition:
        """A policy that does not hold everywhere as written is not accepted, wherever else it does."""
        if self.unenforceable:
            return Condition.not_accepted("UnsupportedValue", "; ".join([*self.unenforceable, *self.missing]))
        if not self.held:
            return Condition.not_accepted("TargetNotFound", "; ".join(self.missing))
        return Condition.accepted("; ".join([*([words] if words else []), *self.missing, *self.remarks]))


def target_references(document: Document, refs: Iterable[TargetRef]) -> Iterator[Reference]:
    for index, ref in enumerate(refs):
        yield Reference(DocumentKey(ref.kind, document.namespace, ref.name), pointer("spec", "targetRefs", index))


def attach(
    mesh: MeshBuilder, document: Document, refs: Iterable[TargetRef], needs_http: str, ports: frozenset[int]
) -> Attachment:
    """needs_http and ports: as in `Audience`."""
    found = Attachment()
    for ref in refs:
        if ref.kind == "Gateway":
            _gateway(mesh, document, ref, needs_http, found)
        elif ref.kind in {"HTTPRoute", "GRPCRoute"}:
            _route(mesh, document, ref, found)
        else:
            _services(mesh, document, ref, needs_http, ports, found)
    return found


def _services(
    mesh: MeshBuilder, document: Document, ref: TargetRef, needs_http: str, ports: frozenset[int], found: Attachment
) -> None:
    services = _named(mesh, document.namespace, ref)
    name = f"{ref.kind} {document.namespace}/{ref.name}"
    if ref.kind == "Service":
        found.targets.append(ServiceRef(document.namespace, ref.name))
    if not services:
        found.missing.append(f"there is no {name} yet")
    for service in services:
        if service.external:
            found.unenforceable.append(f"{name} is beyond the mesh: no sidecar stands before it")
            return
        if service.listed:
            found.unenforceable.append(
                f"{name} lists endpoints: no sidecar of the mesh stands before them; use workloadSelector"
            )
            return
        found.targets.append(service.ref)
        words = f"no workload stands behind {name} yet"
        mesh.expect(document, Audience(document.namespace, service.selector, words, needs_http, ports, service.ref))
    found.held += bool(services)


def _named(mesh: MeshBuilder, namespace: str, ref: TargetRef) -> list[Service]:
    if ref.kind == "ServiceEntry":
        return [s for s in mesh.services.values() if s.ref.namespace == namespace and s.entry == ref.name]
    service = mesh.services.get(ServiceRef(namespace, ref.name))
    return [service] if service is not None and not service.entry else []


def _gateway(mesh: MeshBuilder, document: Document, ref: TargetRef, needs_http: str, found: Attachment) -> None:
    place = GatewayRef("Gateway", document.namespace, ref.name)
    found.targets.append(place)
    gateway = mesh.gateways.gateways.get(place)
    if gateway is None:
        found.missing.append(f"there is no Gateway {place} yet")
        return
    found.held += 1
    mesh.expect(document, Audience(gateway.namespace, gateway.selector, f"no proxy serves Gateway {place} yet"))
    deaf = next((server for server in gateway.servers if not server.takes_requests), None)
    if needs_http and deaf is not None:
        found.remarks.append(needs_http.format(port=deaf.port, workload=f"Gateway {place}"))


def _route(mesh: MeshBuilder, document: Document, ref: TargetRef, found: Attachment) -> None:
    """Whatever takes requests for it at callers' own proxies is no boundary: who wants past it calls the workload."""
    key = DocumentKey(ref.kind, document.namespace, ref.name)
    found.targets.append(key)
    mesh.uses(document, key)
    services = sorted({port.service for port in mesh.routing.ports_of(key)})
    if services:
        first = f"Service {services[0]}"
        words = f"{key} is attached to {first}, for whose calls it holds in callers' own proxies, which guard nothing: target {first}"
        found.unenforceable.append(words)
    if mesh.gateways.touched_by(key):
        found.held += 1
    elif not services:
        there = key in mesh.documents
        found.missing.append(f"{key} is attached to no Gateway yet" if there else f"there is no {key} yet")

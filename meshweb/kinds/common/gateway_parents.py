"""Where a route of Gateway API attaches: ports of services (GAMMA) and listeners of Gateways, with the reasons of the specification
where it does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from meshweb.core import hosts
from meshweb.core.attachment import ParentStatus
from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.errors import pointer
from meshweb.core.intent import Document, DocumentKey
from meshweb.core.ir.gateways import GatewayRef, GatewayServer, ServerProtocol
from meshweb.core.ir.routing import Destination, Visibility
from meshweb.core.ir.services import Protocol, ServicePort
from meshweb.core.names import PortRef, ServiceRef
from meshweb.kinds.base import Reference
from meshweb.kinds.common.gateway_api import GATEWAY_GROUP, BackendObject, ParentRef

Refusal = tuple[str, str]
"""Reason and message."""

_SERVICE_PROTOCOLS = {
    "HTTPRoute": (Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC, Protocol.AUTO),
    "GRPCRoute": (Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC, Protocol.AUTO),
    "TLSRoute": (Protocol.TLS, Protocol.TCP, Protocol.AUTO),
    "TCPRoute": (Protocol.TCP, Protocol.TLS, Protocol.AUTO),
}
_SERVER_PROTOCOLS = {
    "HTTPRoute": (ServerProtocol.HTTP, ServerProtocol.HTTPS),
    "GRPCRoute": (ServerProtocol.HTTP, ServerProtocol.HTTPS),
    "TLSRoute": (ServerProtocol.TLS,),
    "TCPRoute": (ServerProtocol.TCP, ServerProtocol.TLS),
}


@dataclass(slots=True)
class Parents:
    """ports: service ports, with who sees the route there. servers: listeners, with the hosts for which the route holds."""

    ports: list[tuple[PortRef, Visibility]] = field(default_factory=list)
    servers: list[tuple[GatewayServer, tuple[str, ...]]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    outcomes: list[tuple[ParentRef, Condition]] = field(default_factory=list)

    def report(self, mesh: MeshBuilder, document: Document, problems: Sequence[Refusal]) -> None:
        """Accepted when at least one parent took it; what the others said stands in the message. And the same parent by parent."""
        words = "; ".join(message for _, message in self.refusals)
        taken = bool(self.ports or self.servers)
        mesh.report(document, Condition.accepted(words) if taken else Condition.not_accepted(self.refusals[0][0], words))
        resolved = Condition.unresolved(*problems[0]) if problems else Condition.resolved()
        mesh.report(document, resolved)
        mesh.parents[document.key] = tuple(
            ParentStatus(
                ref.group,
                ref.kind,
                ref.namespace or document.namespace,
                ref.name,
                ref.section_name or "",
                ref.port,
                (condition, resolved),
            )
            for ref, condition in self.outcomes
        )


def parents_of(mesh: MeshBuilder, document: Document, refs: Iterable[ParentRef], hostnames: Sequence[str] = ()) -> Parents:
    """`hostnames` of the route; they say nothing about services, which the caller has already chosen (GAMMA)."""
    found = Parents()
    for ref in refs:
        before = len(found.refusals)
        if ref.kind == "Service":
            _attach_to_service(mesh, document, ref, found)
        else:
            _attach_to_gateway(mesh, document, ref, hostnames, found)
        refusal = found.refusals[before:]
        found.outcomes.append((ref, Condition.not_accepted(*refusal[0]) if refusal else Condition.accepted()))
    return found


def _attach_to_service(mesh: MeshBuilder, document: Document, parent: ParentRef, found: Parents) -> None:
    ref = ServiceRef(parent.namespace or document.namespace, parent.name)
    service = mesh.services.get(ref)
    if service is None or (service.visible_in is not None and document.namespace not in service.visible_in):
        found.refusals.append(("NoMatchingParent", f"there is no Service {ref}"))
        return
    named = [port for port in service.ports if _names(parent, port)]
    if not named:
        what = f"port {parent.port}" if parent.port is not None else f"port named {parent.section_name}"
        found.refusals.append(("NoMatchingParent", f"Service {ref} has no {what}"))
        return
    fitting = [port for port in named if port.protocol in _SERVICE_PROTOCOLS[document.key.kind]]
    if not fitting:
        port = named[0]
        words = f"Service {ref} speaks {port.protocol} on port {port.number}: {document.key.kind} is not for that"
        found.refusals.append(("UnsupportedProtocol", words))
        return
    own = ref.namespace == document.namespace
    visibility = Visibility() if own else Visibility(frozenset({document.namespace}), consumer=True)
    found.ports += [(PortRef(ref, port.number), visibility) for port in fitting]


def _names(parent: ParentRef, port: ServicePort) -> bool:
    return parent.port in {None, port.number} and parent.section_name in {None, port.name}


def _attach_to_gateway(
    mesh: MeshBuilder, document: Document, parent: ParentRef, hostnames: Sequence[str], found: Parents
) -> None:
    ref = GatewayRef("Gateway", parent.namespace or document.namespace, parent.name)
    gateway = mesh.gateways.gateways.get(ref)
    if gateway is None:
        found.refusals.append(("NoMatchingParent", f"there is no Gateway {ref}"))
        return
    named = [s for s in gateway.servers if parent.section_name in {None, s.name} and parent.port in {None, s.port}]
    if not named:
        found.refusals.append(("NoMatchingParent", f"Gateway {ref} has no listener {_listener_words(parent)}"))
        return
    kind = document.key.kind
    fitting = [s for s in named if s.protocol in _SERVER_PROTOCOLS[kind] and (not s.kinds or kind in s.kinds)]
    allowed = [s for s in fitting if s.hosts_for(document.namespace)]
    if not allowed:
        who = f"{kind} of namespace {document.namespace}" if fitting else kind
        found.refusals.append(("NotAllowedByListeners", f"no listener of Gateway {ref} takes {who}"))
        return
    attached = [(server, _shared_hosts(server.hosts_for(document.namespace), hostnames)) for server in allowed]
    attached = [(server, names) for server, names in attached if names]
    if not attached:
        words = f"no listener of Gateway {ref} is for {', '.join(hostnames)}"
        found.refusals.append(("NoMatchingListenerHostname", words))
    known = {(server.gateway, server.name) for server, _ in found.servers}
    found.servers += [(server, names) for server, names in attached if (server.gateway, server.name) not in known]


def _listener_words(parent: ParentRef) -> str:
    parts = [f"named {parent.section_name}"] if parent.section_name is not None else []
    parts += [f"on port {parent.port}"] if parent.port is not None else []
    return " ".join(parts)


def _shared_hosts(allowed: Iterable[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """What listener and route have in common; a route without hostnames takes the listener's."""
    patterns = list(allowed)
    if not wanted:
        return tuple(dict.fromkeys(patterns))
    shared = (hosts.common(pattern, name) for pattern in patterns for name in wanted)
    return tuple(dict.fromkeys(name for name in shared if name is not None))


# --- backends -------------------------------------------------------------------------------------------------------


def destination_of(mesh: MeshBuilder, document: Document, ref: BackendObject, problems: list[Refusal]) -> Destination | None:
    """None with the reason in `problems`: the share of this backend is answered with an error."""
    port = PortRef(ServiceRef(ref.namespace or document.namespace, ref.name), ref.port)
    namespace = port.service.namespace
    if not mesh.grants.permit(
        group=GATEWAY_GROUP,
        kind=document.key.kind,
        namespace=document.namespace,
        to_kind="Service",
        to_namespace=namespace,
        to_name=ref.name,
    ):
        words = f"no ReferenceGrant in {namespace} lets a {document.key.kind} of {document.namespace} refer to Service {port.service}"
        problems.append(("RefNotPermitted", words))
        return None
    service = mesh.services.get(port.service)
    if service is None:
        problems.append(("BackendNotFound", f"there is no Service {port.service}"))
        return None
    found = service.port(port.port)
    if found is None:
        problems.append(("BackendNotFound", f"Service {port.service} has no port {port.port}"))
        return None
    if found.protocol not in _SERVICE_PROTOCOLS[document.key.kind]:
        words = f"Service {port.service} speaks {found.protocol} on port {port.port}: {document.key.kind} is not for that"
        problems.append(("UnsupportedProtocol", words))
        return None
    return Destination(port)


def parent_references(document: Document, refs: Iterable[ParentRef]) -> Iterator[Reference]:
    for index, parent in enumerate(refs):
        target = DocumentKey(parent.kind, parent.namespace or document.namespace, parent.name)
        yield Reference(target, pointer("spec", "parentRefs", index))


def backend_reference(document: Document, ref: BackendObject, at: str) -> Reference:
    return Reference(DocumentKey("Service", ref.namespace or document.namespace, ref.name), at)

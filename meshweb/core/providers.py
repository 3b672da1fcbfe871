"""Extension providers by the services that they are: which port is asked, and whether it can be."""

from __future__ import annotations

from collections.abc import Iterator

from meshweb.core import hosts, names
from meshweb.core.builder import MeshBuilder
from meshweb.core.intent import DocumentKey
from meshweb.core.ir.providers import ExtensionProvider, Provider
from meshweb.core.ir.routing import Destination
from meshweb.core.ir.security import provider_of
from meshweb.core.ir.services import Resolution, Service, Workload
from meshweb.core.names import PortRef


def provider_named(mesh: MeshBuilder, name: str) -> Provider:
    """With a problem where there is none of the name, or nobody to ask."""
    definition = mesh.extension_providers.get(name)
    if definition is None:
        return Provider(name, f"MeshConfig default has no extension provider {name}")
    service = _service(mesh, definition.service)
    if service is None:
        return Provider(name, f"there is no service {definition.service}, which extension provider {name} is")
    port = service.port(definition.port)
    if port is None:
        return Provider(name, f"Service {service.ref} has no port {definition.port}, which extension provider {name} is")
    if service.resolution is Resolution.DYNAMIC_DNS:
        return Provider(
            name, f"{service.ref} stands for hosts that requests name: extension provider {name} cannot be one of them"
        )
    if not (port.protocol.speaks_http2 if definition.grpc else port.protocol.is_http):
        words = "gRPC" if definition.grpc else "HTTP"
        return Provider(
            name,
            f"extension provider {name} is asked by {words}, which port {port.number} of {service.ref} does not say that it speaks",
        )
    place = PortRef(service.ref, port.number)
    return Provider(name, "", definition, names.outbound(place, mesh.settings.dns_suffix))


def providers(mesh: MeshBuilder) -> tuple[Provider, ...]:
    """Those that can be asked, by name."""
    found = (provider_named(mesh, name) for name in sorted(mesh.extension_providers))
    return tuple(provider for provider in found if not provider.problem)


def provider_destinations(mesh: MeshBuilder) -> list[Destination]:
    """Where every proxy must find a way to, whatever else its application may call."""
    found = []
    for name in sorted(mesh.extension_providers):
        definition = mesh.extension_providers[name]
        service = _service(mesh, definition.service)
        if service is not None and not provider_named(mesh, name).problem:
            found.append(Destination(PortRef(service.ref, definition.port)))
    return found


def _service(mesh: MeshBuilder, text: str) -> Service | None:
    """`host` or `namespace/host` (Istio); names are those of the root namespace. The oldest of several."""
    namespace, _, host = text.rpartition("/")
    own = namespace or mesh.settings.root_namespace
    found = mesh.services_at(hosts.normalized(host)) or mesh.services_at(hosts.qualified(host, own, mesh.settings.dns_suffix))
    return next((service for service in found if namespace in {"", service.ref.namespace}), None)


def others_asked(mesh: MeshBuilder, key: DocumentKey) -> Iterator[str]:
    """What the author of a CUSTOM policy should know where its provider is not asked after all: at the first such port by name."""
    name = mesh.askers.get(key)
    definition = mesh.extension_providers.get(name) if name is not None else None
    alone = len(set(mesh.askers.values())) == 1
    if name is None or (alone and (definition is None or definition.grpc)):
        return
    for _, workload in sorted(mesh.workloads.items()):
        if any(audience.covers(workload) for audience in mesh.audiences.get(key, ())):
            for words in _refused_at(mesh, workload, name, key):
                yield words
                return


def _refused_at(mesh: MeshBuilder, workload: Workload, name: str, key: DocumentKey) -> Iterator[str]:
    alone = len(set(mesh.askers.values())) == 1
    for number, protocol in mesh.inbound_protocols(workload).items():
        if alone and protocol.is_http:
            continue
        asking = [p for p in mesh.policies_of(workload, number) if p.provider is not None]
        if not any((p.namespace, p.name) == (key.namespace, key.name) for p in asking):
            continue
        others = sorted({p.provider.name for p in asking if p.provider is not None} - {name})
        if others:
            yield f"port {number} of {workload.id} has {others[0]} to ask too, and one port asks one: there it denies what its rules match"
        elif provider_of(asking, http=True) is not None and not protocol.is_http and provider_of(asking, http=False) is None:
            words = f"{name} is asked by HTTP, which port {number} of {workload.id} does not speak: there it denies what its rules match"
            yield words
    gateways = mesh.gateways.serving(workload)
    targets = [policy for gateway in gateways for policy in mesh.targeted.of(gateway.ref)]
    others = sorted({p.provider.name for p in targets if p.provider is not None} - {name})
    if others:
        yield f"{gateways[0].ref} has {others[0]} to ask too, and a request is asked about once: it denies what both are for"


def tells(definition: ExtensionProvider) -> tuple[str, ...]:
    """Headers that the application is to believe because the provider said them, and was not shown those of the client's: nobody else may
    bring them."""
    shown = {name.lower() for name in definition.shown} | _ALWAYS_SHOWN
    return tuple(name for name in map(str.lower, definition.to_upstream) if name not in shown)


_ALWAYS_SHOWN = frozenset({"authorization", "content-length"})

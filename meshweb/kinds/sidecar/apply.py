"""A Sidecar decides what the proxies in its scope receive and open."""

from __future__ import annotations

from meshweb.core import hosts
from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.intent import Document
from meshweb.core.ir.sidecars import EgressHost, EgressListener, IngressListener, OutboundPolicy, SidecarScope
from meshweb.core.protocols import protocol_of
from meshweb.core.scoped import Audience, Scoped
from meshweb.kinds.common.istio_destinations import destination_of
from meshweb.kinds.common.istio_pools import pool_of
from meshweb.kinds.sidecar.spec import Egress, Ingress, OutboundTrafficPolicy, SidecarSpec


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = document.spec
    assert isinstance(spec, SidecarSpec)
    labels = frozenset(spec.workload_selector.labels.items()) if spec.workload_selector is not None else frozenset()
    mesh_wide = document.namespace == mesh.settings.root_namespace and not labels
    namespace = "" if mesh_wide else document.namespace
    same = next((s for s in mesh.sidecars if (s.namespace, s.labels) == (namespace, labels)), None)
    if same is not None:  # documents come oldest first
        mesh.report(document, Condition.not_accepted("Conflicted", f"{same.document.key} is older and has the same scope"))
        return
    policy = spec.outbound_traffic_policy
    proxy = policy.egress_proxy if policy is not None else None
    to = destination_of(mesh, document, proxy) if proxy is not None else None
    if proxy is not None and to is None:
        # Fail closed: not past the proxy that was asked for.
        words = f"egressProxy: no service has the host {proxy.host}, or not that port; calls to unknown hosts are refused"
        mesh.report(document, Condition.unresolved("BackendNotFound", words))
    scope = SidecarScope(
        egress=tuple(_egress(mesh, document, item) for item in spec.egress) if spec.egress else None,
        ingress=tuple(_ingress(item) for item in spec.ingress),
        outbound=_outbound(policy, resolved=proxy is None or to is not None),
        egress_proxy=to,
        pool=pool_of(spec.inbound_connection_pool),
    )
    scoped = Scoped(namespace, labels, document, scope)
    mesh.sidecars.append(scoped)
    mesh.report(document, Condition.accepted())
    mesh.expect(document, Audience(namespace, labels, "no workload is in its scope yet"))


def _outbound(policy: OutboundTrafficPolicy | None, *, resolved: bool) -> OutboundPolicy | None:
    if policy is None:
        return None
    return OutboundPolicy(policy.mode) if resolved else OutboundPolicy.REGISTRY_ONLY


def _egress(mesh: MeshBuilder, document: Document, item: Egress) -> EgressListener:
    wanted: list[EgressHost] = []
    excluded: list[EgressHost] = []
    for text in item.hosts:
        namespace, _, host = text.partition("/")
        without = namespace.startswith("~") and namespace != "~"
        name = namespace.removeprefix("~") if without else namespace
        full = host if "." in host or host == "*" else hosts.qualified(host, document.namespace, mesh.settings.dns_suffix)
        (excluded if without else wanted).append(EgressHost(name, full))
    # Nothing but exclusions: everything else.
    return EgressListener(
        tuple(wanted) or (EgressHost("*", "*"),), tuple(excluded), item.port.number if item.port is not None else None
    )


def _ingress(item: Ingress) -> IngressListener:
    endpoint = None
    if item.default_endpoint is not None:
        host, _, port = item.default_endpoint.rpartition(":")
        # The unspecified address means the proxy's own machine.
        host = {"0.0.0.0": "127.0.0.1", "[::]": "::1", "[::1]": "::1"}.get(host, host)
        endpoint = (host, int(port))
    return IngressListener(
        item.port.number,
        protocol_of(item.port.protocol.lower(), ""),
        endpoint=endpoint,
        pool=pool_of(item.connection_pool),
    )

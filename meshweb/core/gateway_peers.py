"""Who may say from where a request came first: gateways of the mesh, known by their certificates."""

from __future__ import annotations

from meshweb.core import names
from meshweb.core.builder import MeshBuilder
from meshweb.core.ir.security import GatewayPeers
from meshweb.core.ir.services import Workload


def gateway_peers(mesh: MeshBuilder) -> GatewayPeers:
    """An identity that other workloads have too is no gateway's: one of them could say anything."""
    if mesh.gateway_peers is None:
        mesh.gateway_peers = _found(mesh)
    return mesh.gateway_peers


def _found(mesh: MeshBuilder) -> GatewayPeers:
    gateways: set[str] = set()
    others: set[str] = set()
    for workload in mesh.workloads.values():
        identity = names.spiffe_id(mesh.settings.trust_domain, workload.namespace, workload.service_account)
        (gateways if _is_gateway(mesh, workload) else others).add(identity)
    return GatewayPeers(tuple(sorted(gateways - others)), tuple(sorted(gateways & others)))


def _is_gateway(mesh: MeshBuilder, workload: Workload) -> bool:
    """Its WorkloadGroup lets it be one, and a Gateway is served by it."""
    named = any(key in names.GATEWAY_LABELS for key, _ in workload.labels)
    return named and bool(workload.service_account) and bool(mesh.gateways.serving(workload))

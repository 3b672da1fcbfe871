"""All kinds, listed by hand: what is not here does not exist."""

from __future__ import annotations

from meshweb.core.intent import DocumentKey
from meshweb.kinds.authorization_policy import AUTHORIZATION_POLICY
from meshweb.kinds.base import Kind, Served, SpecModel
from meshweb.kinds.destination_rule import DESTINATION_RULE
from meshweb.kinds.gateway import GATEWAY
from meshweb.kinds.grpc_route import GRPC_ROUTE
from meshweb.kinds.health_check import HEALTH_CHECK
from meshweb.kinds.http_route import HTTP_ROUTE
from meshweb.kinds.istio_gateway import ISTIO_GATEWAY
from meshweb.kinds.mesh_config import MESH_CONFIG
from meshweb.kinds.namespace import NAMESPACE
from meshweb.kinds.peer_authentication import PEER_AUTHENTICATION
from meshweb.kinds.rate_limit import RATE_LIMIT
from meshweb.kinds.reference_grant import REFERENCE_GRANT
from meshweb.kinds.request_authentication import REQUEST_AUTHENTICATION
from meshweb.kinds.secret import SECRET
from meshweb.kinds.service import SERVICE
from meshweb.kinds.service_entry import SERVICE_ENTRY
from meshweb.kinds.sidecar import SIDECAR
from meshweb.kinds.tcp_route import TCP_ROUTE
from meshweb.kinds.tls_route import TLS_ROUTE
from meshweb.kinds.virtual_service import VIRTUAL_SERVICE
from meshweb.kinds.workload_entry import WORKLOAD_ENTRY
from meshweb.kinds.workload_group import WORKLOAD_GROUP

KINDS: tuple[Kind, ...] = (
    NAMESPACE,
    SERVICE,
    SECRET,
    WORKLOAD_GROUP,
    WORKLOAD_ENTRY,
    SERVICE_ENTRY,
    DESTINATION_RULE,
    GATEWAY,
    ISTIO_GATEWAY,
    REFERENCE_GRANT,
    HTTP_ROUTE,
    GRPC_ROUTE,
    TLS_ROUTE,
    TCP_ROUTE,
    VIRTUAL_SERVICE,
    SIDECAR,
    RATE_LIMIT,
    HEALTH_CHECK,
    AUTHORIZATION_POLICY,
    PEER_AUTHENTICATION,
    REQUEST_AUTHENTICATION,
    MESH_CONFIG,
)

_BY_NAME = {kind.kind: kind for kind in KINDS}
_BY_PLURAL = {kind.plural: kind for kind in KINDS}


def served_by(key: DocumentKey, spec: object) -> list[Served]:
    """Services that a document puts into the register; none for a spec that cannot be read."""
    kind = kind_named(key.kind)
    return list(kind.serves(key, spec)) if kind is not None and isinstance(spec, SpecModel) else []


def kind_named(name: str) -> Kind | None:
    return _BY_NAME.get(name)


def kind_with_plural(plural: str) -> Kind | None:
    return _BY_PLURAL.get(plural)

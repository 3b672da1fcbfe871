"""How a call reaches a workload's port: by mTLS, so that the server knows who calls, plain, or not at all.

Two sides have their say: PeerAuthentication about what the server takes and tells callers in the mesh, a DestinationRule about how its
own callers go.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshweb.core import names
from meshweb.core.builder import MeshBuilder, workload_port
from meshweb.core.caller import Caller
from meshweb.core.destination_rules import UNRULED, resolve
from meshweb.core.ir.routing import Origin
from meshweb.core.ir.security import MtlsMode
from meshweb.core.ir.services import Service, ServicePort, Workload
from meshweb.core.ir.traffic_policy import TlsMode


@dataclass(frozen=True, slots=True)
class Arrival:
    """identity: SPIFFE ID that the server sees; empty: none. http: whether its sidecar reads requests. refused: the connection is closed.
    reason: why it is refused, or why a caller that has an identity comes without; origin: who said so, None: a default."""

    identity: str
    http: bool
    refused: bool = False
    reason: str = ""
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A service port at one of the workloads behind it."""

    service: Service
    port: ServicePort
    workload: Workload

    @property
    def number(self) -> int:
        """The workload's own port."""
        return workload_port(self.workload, self.port)


def arrival(mesh: MeshBuilder, caller: Caller, identity: str, target: Target) -> Arrival:
    """identity: of the caller; empty: it is not in the mesh, and has no sidecar that a DestinationRule could tell anything."""
    mode, origin = mesh.mtls.at(target.workload, target.number)
    protocol = mesh.inbound_protocols(target.workload).get(target.number, target.port.protocol)
    if not identity:
        return _plain(mode, origin, http=protocol.may_be_http, why="", said=None)
    host = names.service_host(target.service.ref, mesh.settings.dns_suffix)
    rules = mesh.destination_rules.applying(caller, host, target.service.ref.namespace)
    ruled = resolve(rules, target.port.number, "") or UNRULED
    tls = ruled.policy.tls
    if tls is None and mode is MtlsMode.DISABLE:
        assert origin is not None, "it is nobody's default"
        why = f"{origin.document} disables mTLS: the caller comes without its identity"
        return _plain(mode, origin, http=protocol.may_be_http, why=why, said=origin)
    if tls is None or tls.mode is TlsMode.ISTIO_MUTUAL:
        return Arrival(identity, protocol.may_be_http)
    assert ruled.rule is not None
    said = Origin(ruled.rule.document.key, "/spec/trafficPolicy/tls/mode")
    why = f"{said.document} has its callers come with TLS mode {tls.mode}, without their identity"
    # TLS of the caller's own is passed on to the application as it is.
    return _plain(mode, origin, http=protocol.may_be_http and tls.mode is TlsMode.DISABLE, why=why, said=said)


def _plain(mode: MtlsMode, origin: Origin | None, *, http: bool, why: str, said: Origin | None) -> Arrival:
    if mode is not MtlsMode.STRICT:
        return Arrival("", http, reason=why, origin=said)
    who = f"{origin.document} wants" if origin is not None else "the mesh's default is"
    words = f"{who} STRICT mTLS: a connection without certificate is closed"
    return Arrival("", http, True, f"{words}; {why}" if why else words, origin)

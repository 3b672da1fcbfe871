"""The workbench on which kinds lay down what their documents say, in the order of `Phase`.

Kinds never see each other. They read and write this object, and may record conditions for their own document.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

from meshweb.core.conditions import Condition
from meshweb.core.intent import Document, DocumentKey, MeshSettings
from meshweb.core.ir import (
    Endpoint,
    MtlsMode,
    Policy,
    PolicyAction,
    PolicyRule,
    Protocol,
    RouteRule,
    Service,
    ServicePort,
    Workload,
)
from meshweb.core.names import PortRef, ServiceRef

T = TypeVar("T")
Label = tuple[str, str]


class Phase(IntEnum):
    """Order in which kinds are applied: each may rely on all before it."""

    MESH = 10
    NAMESPACES = 20
    WORKLOADS = 30
    SERVICES = 40
    ROUTES = 50
    SECURITY = 60


@dataclass(frozen=True, slots=True)
class Scoped(Generic[T]):
    """Something that applies to workloads: of `namespace` (empty: all) that carry all `labels` (empty: every workload)."""

    namespace: str
    labels: frozenset[tuple[str, str]]
    document: Document
    value: T

    def covers(self, workload: Workload) -> bool:
        return (not self.namespace or self.namespace == workload.namespace) and self.labels <= workload.labels


@dataclass(slots=True)
class MeshBuilder:
    """Mutable while the kinds run, read-only afterwards."""

    settings: MeshSettings
    unhealthy: frozenset[str] = frozenset()
    default_mtls: MtlsMode = MtlsMode.STRICT
    connect_timeout_ms: int = 10_000
    namespaces: set[str] = field(default_factory=set)
    groups: dict[tuple[str, str], Document] = field(default_factory=dict)
    workloads: dict[tuple[str, str], Workload] = field(default_factory=dict)
    upstreams: dict[tuple[str, str], frozenset[ServiceRef]] = field(default_factory=dict)
    services: dict[ServiceRef, Service] = field(default_factory=dict)
    routes: defaultdict[PortRef, list[tuple[Document, RouteRule]]] = field(default_factory=lambda: defaultdict(list))
    routed_ports: set[PortRef] = field(default_factory=set)
    policies: list[Scoped[Policy]] = field(default_factory=list)
    mtls_modes: list[Scoped[MtlsMode]] = field(default_factory=list)
    conditions: defaultdict[DocumentKey, list[Condition]] = field(default_factory=lambda: defaultdict(list))
    _mtls_required: set[str] = field(default_factory=set)
    _workloads_by_label: dict[tuple[str, Label], list[Workload]] | None = None
    _services_by_label: dict[tuple[str, Label], list[Service]] | None = None
    _services_indexed: int = 0

    def report(self, document: Document, condition: Condition) -> None:
        self.conditions[document.key].append(condition)

    # --- services and workloads -------------------------------------------------------------------------------------

    def service_port(self, namespace: str, name: str, port: int) -> ServicePort | None:
        service = self.services.get(ServiceRef(namespace, name))
        return service.port(port) if service is not None else None

    def selected_by(self, service: Service) -> list[Workload]:
        """Workloads that the service's selector picks, by name. A service without selector picks none (as in Kubernetes)."""
        if not service.selector:
            return []
        if self._workloads_by_label is None:
            grouped: defaultdict[tuple[str, Label], list[Workload]] = defaultdict(list)
            for key in sorted(self.workloads):
                for label in self.workloads[key].labels:
                    grouped[key[0], label].append(self.workloads[key])
            self._workloads_by_label = grouped
        found = [self._workloads_by_label.get((service.ref.namespace, label), []) for label in service.selector]
        return [workload for workload in min(found, key=len) if service.selector <= workload.labels]

    def endpoints(self, service: Service, port: ServicePort) -> tuple[Endpoint, ...]:
        return tuple(
            Endpoint(w.address, workload_port(w, port), w.weight, w.healthy, w.locality) for w in self.selected_by(service)
        )

    def identities(self, service: Service) -> tuple[str, ...]:
        """Service accounts ("namespace", "account") of the workloads behind a service, sorted, once each."""
        return tuple(sorted({w.service_account for w in self.selected_by(service)}))

    def services_of(self, workload: Workload) -> list[Service]:
        """By name. Only services whose selector has a label of the workload are looked at: a fleet has thousands of both."""
        if self._services_by_label is None or self._services_indexed != len(self.services):
            grouped: defaultdict[tuple[str, Label], list[Service]] = defaultdict(list)
            for ref, service in sorted(self.services.items()):
                if service.selector:
                    grouped[ref.namespace, min(service.selector)].append(service)
            self._services_by_label, self._services_indexed = grouped, len(self.services)
        found = [s for label in workload.labels for s in self._services_by_label.get((workload.namespace, label), ())]
        return sorted((s for s in found if s.selector <= workload.labels), key=lambda s: s.ref)

    def inbound_protocols(self, workload: Workload) -> Mapping[int, Protocol]:
        """Every port on which the workload's sidecar answers. When services disagree about a port, HTTP wins over TCP, because
        policies with HTTP fields can then be enforced."""
        found: dict[int, Protocol] = {}
        for service in self.services_of(workload):
            for port in service.ports:
                number = workload_port(workload, port)
                known = found.get(number)
                if known is None or known is Protocol.TCP:
                    found[number] = port.protocol
        for name, number in workload.ports:
            found.setdefault(number, protocol_of(None, name))
        return dict(sorted(found.items()))

    # --- security ---------------------------------------------------------------------------------------------------

    def policies_of(self, workload: Workload) -> tuple[Policy, ...]:
        return tuple(sorted((s.value for s in self.policies if s.covers(workload)), key=lambda p: (p.namespace, p.name)))

    def mtls_of(self, workload: Workload) -> MtlsMode:
        """Narrowest scope wins (workload, namespace, mesh); at one level the oldest document (Istio)."""
        if self._mtls_required & {"", workload.namespace}:
            return MtlsMode.STRICT
        covering = [s for s in self.mtls_modes if s.covers(workload)]
        if not covering:
            return self.default_mtls
        return min(covering, key=lambda s: (not s.labels, not s.namespace, s.document.age_order)).value

    def require_mtls(self, namespace: str) -> None:
        """Fail closed: STRICT for a namespace (empty: the mesh), whatever any document says."""
        self._mtls_required.add(namespace)

    def deny_all(self, namespace: str, labels: Iterable[tuple[str, str]], document: Document) -> None:
        """Fail closed: what `document` covers admits nobody until it can be compiled, whatever other policies allow."""
        policy = Policy(document.namespace, document.name, PolicyAction.DENY, (PolicyRule(),))
        self.policies.append(Scoped(namespace, frozenset(labels), document, policy))


def workload_port(workload: Workload, port: ServicePort) -> int:
    """Istio's order: the workload's port of the service port's name, then targetPort (number, or name on the workload), then
    the same number."""
    named = dict(workload.ports)
    if port.name and port.name in named:
        return named[port.name]
    if isinstance(port.target, int):
        return port.target
    if isinstance(port.target, str) and port.target in named:
        return named[port.target]
    return port.number


_PROTOCOLS: Mapping[str, Protocol] = {
    "http": Protocol.HTTP,
    "kubernetes.io/ws": Protocol.HTTP,
    "http2": Protocol.HTTP2,
    "grpc": Protocol.HTTP2,
    "grpc-web": Protocol.HTTP,
    "kubernetes.io/h2c": Protocol.HTTP2,
    "tcp": Protocol.TCP,
    "tls": Protocol.TCP,
    "https": Protocol.TCP,
    "mongo": Protocol.TCP,
    "mysql": Protocol.TCP,
    "redis": Protocol.TCP,
}

KNOWN_PROTOCOLS: tuple[str, ...] = tuple(sorted(_PROTOCOLS))


def protocol_of(app_protocol: str | None, port_name: str) -> Protocol:
    """appProtocol, else the port name's prefix up to the first dash (Istio, "Protocol Selection"), else HTTP."""
    for text in (app_protocol, port_name.split("-", 1)[0]):
        if text and text.lower() in _PROTOCOLS:
            return _PROTOCOLS[text.lower()]
    return Protocol.HTTP

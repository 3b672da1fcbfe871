"""The workbench on which kinds lay down what their documents say, in the order of `Phase`.

Kinds never see each other. They read and write this object, and may record conditions for their own document.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

from meshweb.core import hosts, names
from meshweb.core.attachment import ParentStatus
from meshweb.core.caller import Caller
from meshweb.core.conditions import Condition
from meshweb.core.destination_rules import DestinationRules
from meshweb.core.gateway_table import GatewayTable
from meshweb.core.grants import Grants
from meshweb.core.health_checks import HealthChecks
from meshweb.core.intent import Document, DocumentKey, KeySet, MeshSettings
from meshweb.core.ir.providers import ExtensionProvider
from meshweb.core.ir.rate_limits import RateLimit
from meshweb.core.ir.secrets import SecretMaterial
from meshweb.core.ir.security import DENY_BY_DEFAULT, GatewayPeers, MtlsMode, Policy, PolicyAction, PolicyRule, TokenRule
from meshweb.core.ir.services import Endpoint, Labels, Protocol, Service, ServicePort, Workload
from meshweb.core.ir.sidecars import OutboundPolicy, SidecarScope
from meshweb.core.mtls_modes import MtlsModes
from meshweb.core.names import PortRef, ServiceRef
from meshweb.core.protocols import protocol_of, stronger
from meshweb.core.rate_limits import RateLimits
from meshweb.core.route_table import RouteTable
from meshweb.core.scoped import Audience, Scoped
from meshweb.core.targets import TargetedPolicies

Label = tuple[str, str]


class Phase(IntEnum):
    """Order in which kinds are applied: each may rely on all before it."""

    MESH = 10
    NAMESPACES = 20
    SECRETS = 25
    WORKLOADS = 30
    SERVICES = 40
    DESTINATIONS = 45
    GATEWAYS = 48
    ROUTES = 50
    SIDECARS = 55
    LIMITS = 57
    SECURITY = 60


@dataclass(slots=True)
class MeshBuilder:
    """Mutable while the kinds run, read-only afterwards.

    documents: for kinds whose documents refer to others of their own; they say so by `uses`. secrets: by "namespace/name". askers: the
    provider that a policy asks. remote_readers: policies that ask from where a request came first. gateway_peers:
    who is believed then, once it was asked. trusted_proxies: how many stand in front of
    gateways.
    """

    settings: MeshSettings
    documents: Mapping[DocumentKey, Document] = field(default_factory=dict)
    unhealthy: frozenset[str] = frozenset()
    keys: Mapping[str, KeySet] = field(default_factory=dict)
    default_authorization: PolicyAction = PolicyAction.ALLOW
    denial_header: bool = False
    connect_timeout_ms: int = 10_000
    detection_timeout_ms: int = 1_000
    outbound_policy: OutboundPolicy = OutboundPolicy.REGISTRY_ONLY
    trusted_proxies: int = 0
    extension_providers: dict[str, ExtensionProvider] = field(default_factory=dict)
    namespaces: dict[str, Mapping[str, str]] = field(default_factory=dict)
    groups: dict[tuple[str, str], Document] = field(default_factory=dict)
    workloads: dict[tuple[str, str], Workload] = field(default_factory=dict)
    workload_documents: dict[DocumentKey, tuple[str, str]] = field(default_factory=dict)
    upstreams: dict[tuple[str, str], frozenset[ServiceRef]] = field(default_factory=dict)
    services: dict[ServiceRef, Service] = field(default_factory=dict)
    grants: Grants = field(default_factory=Grants)
    routing: RouteTable = field(default_factory=RouteTable)
    destination_rules: DestinationRules = field(default_factory=DestinationRules)
    gateways: GatewayTable = field(default_factory=GatewayTable)
    secrets: dict[str, SecretMaterial] = field(default_factory=dict)
    sidecars: list[Scoped[SidecarScope]] = field(default_factory=list)
    rate_limits: RateLimits = field(default_factory=RateLimits)
    health_checks: HealthChecks = field(default_factory=HealthChecks)
    policies: list[Scoped[Policy]] = field(default_factory=list)
    targeted: TargetedPolicies = field(default_factory=TargetedPolicies)
    mtls: MtlsModes = field(default_factory=MtlsModes)
    token_rules: list[Scoped[tuple[TokenRule, ...]]] = field(default_factory=list)
    conditions: defaultdict[DocumentKey, list[Condition]] = field(default_factory=lambda: defaultdict(list))
    parents: dict[DocumentKey, tuple[ParentStatus, ...]] = field(default_factory=dict)
    audiences: defaultdict[DocumentKey, list[Audience]] = field(default_factory=lambda: defaultdict(list))
    askers: dict[DocumentKey, str] = field(default_factory=dict)
    gateway_peers: GatewayPeers | None = None
    remote_readers: set[DocumentKey] = field(default_factory=set)
    users: defaultdict[DocumentKey, set[DocumentKey]] = field(default_factory=lambda: defaultdict(set))
    _workloads_by_label: dict[tuple[str, Label], list[Workload]] | None = None
    _services_by_label: dict[tuple[str, Label], list[Service]] | None = None
    _services_by_host: defaultdict[str, list[Service]] | None = None
    _services_indexed: int = 0
    _asked_labels: frozenset[str] | None = None
    _compared_labels: frozenset[str] | None = None

    def __post_init__(self) -> None:
        self.destination_rules.root_namespace = self.settings.root_namespace

    def report(self, document: Document, condition: Condition) -> None:
        self.conditions[document.key].append(condition)

    def expect(self, document: Document, audience: Audience) -> None:
        """Its words become part of the document's Accepted condition as long as they are true."""
        self.audiences[document.key].append(audience)

    def uses(self, document: Document, other: DocumentKey) -> None:
        """What `document` means depends on `other`, which may not exist, and is of the same phase or an earlier one."""
        self.users[other].add(document.key)

    def forget(self, key: DocumentKey) -> None:
        """Take back what a document of an independent kind laid down (`Kind.independent`)."""
        self.conditions.pop(key, None)
        self.audiences.pop(key, None)
        self.parents.pop(key, None)
        for users in self.users.values():
            users.discard(key)
        self.routing.forget(key)
        self.gateways.forget(key)
        self.policies = [scoped for scoped in self.policies if scoped.document.key != key]
        self.targeted.forget(key)
        self.askers.pop(key, None)
        self.remote_readers.discard(key)
        self._asked_labels = None
        place = self.workload_documents.pop(key, None)
        if place is not None:
            self._unindex(self.workloads.pop(place))
            self.upstreams.pop(place, None)

    # --- services and workloads -------------------------------------------------------------------------------------

    def service_port(self, namespace: str, name: str, port: int) -> ServicePort | None:
        service = self.services.get(ServiceRef(namespace, name))
        return service.port(port) if service is not None else None

    def services_at(self, host: str) -> list[Service]:
        """Services of a full host name, oldest first."""
        if self._services_by_host is None:
            found: defaultdict[str, list[Service]] = defaultdict(list)
            for service in sorted(self.services.values(), key=lambda s: (s.created, s.ref)):
                found[names.service_host(service.ref, self.settings.dns_suffix)].append(service)
            self._services_by_host = found
        return self._services_by_host.get(host, [])

    def service_named(self, host: str, namespace: str) -> Service | None:
        """What a host means in a document of `namespace`: a host of the world by its own name, else a Service by any of its
        forms. Of several, that of the namespace, then the oldest; only what is visible there."""
        candidates = self.services_at(hosts.normalized(host)) or self.services_at(
            hosts.qualified(host, namespace, self.settings.dns_suffix)
        )
        seen = [s for s in candidates if s.visible_in is None or namespace in s.visible_in]
        return min(seen, key=lambda s: s.ref.namespace != namespace, default=None)

    def services_matching(self, pattern: str) -> list[Service]:
        """Services whose host a full name or wildcard covers."""
        if not pattern.startswith("*"):
            return self.services_at(pattern)
        suffix = self.settings.dns_suffix
        return [s for ref, s in sorted(self.services.items()) if hosts.covers(pattern, names.service_host(ref, suffix))]

    def selected_by(self, service: Service) -> list[Workload]:
        """Workloads that the service's selector picks, by name. A service without selector picks none (as in Kubernetes)."""
        if not service.selector:
            return []
        index = self._labelled()
        found = [index.get((service.ref.namespace, label), []) for label in service.selector]
        return [workload for workload in min(found, key=len) if service.selector <= workload.labels]

    def _labelled(self) -> dict[tuple[str, Label], list[Workload]]:
        if self._workloads_by_label is None:
            grouped: defaultdict[tuple[str, Label], list[Workload]] = defaultdict(list)
            for key in sorted(self.workloads):
                for label in self.workloads[key].labels:
                    grouped[key[0], label].append(self.workloads[key])
            self._workloads_by_label = grouped
        return self._workloads_by_label

    def put_workload(self, document: Document, workload: Workload) -> None:
        self.workload_documents[document.key] = (workload.namespace, workload.name)
        self.workloads[workload.namespace, workload.name] = workload
        self._index(workload)

    def set_health(self, key: tuple[str, str], *, healthy: bool) -> None:
        workload = self.workloads[key]
        self._unindex(workload)
        self.workloads[key] = replace(workload, healthy=healthy)
        self._index(self.workloads[key])

    def _index(self, workload: Workload) -> None:
        self.gateway_peers = None
        if self._workloads_by_label is not None:
            for label in workload.labels:
                bisect.insort(self._workloads_by_label.setdefault((workload.namespace, label), []), workload, key=_name)

    def _unindex(self, workload: Workload) -> None:
        self.gateway_peers = None
        if self._workloads_by_label is not None:
            for label in workload.labels:
                self._workloads_by_label[workload.namespace, label].remove(workload)

    def anybody(self, audience: Audience) -> bool:
        """Whether a workload is in it."""
        if audience.labels and audience.namespace:
            index = self._labelled()
            found = [index.get((audience.namespace, label), []) for label in audience.labels]
            return any(audience.labels <= workload.labels for workload in min(found, key=len))
        return any(audience.covers(workload) for workload in self.workloads.values())

    def without_http(self, audience: Audience) -> tuple[int, Workload] | None:
        """A port of a workload that is in it, and cannot have what it needs: of several the first by name, in whatever order they came."""
        for _, workload in sorted(self.workloads.items()):
            if audience.covers(workload):
                own = self.ports_behind(audience.service, workload) if audience.service is not None else None
                for number, protocol in self.inbound_protocols(workload).items():
                    concerned = (not audience.ports or number in audience.ports) and (own is None or number in own)
                    if not protocol.may_be_http and concerned:
                        return number, workload
        return None

    def ports_behind(self, ref: ServiceRef, workload: Workload) -> frozenset[int]:
        """Where a workload answers for a service."""
        service = self.services.get(ref)
        return frozenset(workload_port(workload, port) for port in service.ports) if service is not None else frozenset()

    def behind(self, service: Service) -> list[Workload]:
        """Everybody who answers for a service: picked by label, or listed in its document."""
        return [*self.selected_by(service), *service.listed]

    def endpoints(self, service: Service, port: ServicePort, subset: Labels = frozenset()) -> tuple[Endpoint, ...]:
        return tuple(
            Endpoint(w.address, number, w.weight, w.healthy, w.locality, self._compared(w), self.mtls.disabled_at(w, number))
            for w in self.behind(service)
            if subset <= w.labels
            for number in (workload_port(w, port),)
        )

    def _compared(self, workload: Workload) -> Labels:
        if self._compared_labels is None:
            self._compared_labels = self.destination_rules.compared_labels()
        keys = self._compared_labels
        return frozenset(label for label in workload.labels if label[0] in keys) if keys else frozenset()

    def identities(self, service: Service) -> tuple[str, ...]:
        """SPIFFE IDs that may answer for a service, sorted, once each."""
        domain = self.settings.trust_domain
        found = {names.spiffe_id(domain, w.namespace, w.service_account) for w in self.behind(service) if w.service_account}
        return tuple(sorted(found | set(service.accounts)))

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
                found[number] = stronger(found[number], port.protocol) if number in found else port.protocol
        for name, number in workload.ports:
            found.setdefault(number, protocol_of(None, name))
        return dict(sorted(found.items()))

    # --- callers ----------------------------------------------------------------------------------------------------

    def asked_labels(self) -> frozenset[str]:
        """Keys of labels of callers that some document asks about."""
        if self._asked_labels is None:
            asked = {key for callers in self.routing.callers() for key, _ in callers.labels}
            asked |= {key for rule in self.destination_rules.all() for key, _ in rule.callers}
            self._asked_labels = frozenset(asked | self.destination_rules.compared_labels())
        return self._asked_labels

    def caller(self, workload: Workload) -> Caller:
        """Only what somebody asks about, so that most workloads of a namespace are the same caller."""
        asked = self.asked_labels()
        labels = frozenset(label for label in workload.labels if label[0] in asked) if asked else frozenset()
        return Caller(workload.namespace, labels, workload.locality if self.destination_rules.by_locality() else "")

    def sidecar_of(self, workload: Workload) -> Scoped[SidecarScope] | None:
        """The one with a selector that fits, then the namespace's, then the mesh's (Istio); the oldest of each."""
        covering = [s for s in self.sidecars if s.covers(workload)]
        return min(covering, key=lambda s: (not s.labels, not s.namespace, s.document.age_order), default=None)

    def rate_limit_at(self, workload: Workload, number: int) -> RateLimit | None:
        """What holds on a port of a workload: of the services that it answers for there, by name, the first that has one."""
        for service in self.services_of(workload):
            for port in service.ports:
                limit = self.rate_limits.of_port(PortRef(service.ref, port.number))
                if limit is not None and workload_port(workload, port) == number:
                    return limit
        return None

    # --- security ---------------------------------------------------------------------------------------------------

    def policies_of(self, workload: Workload, number: int) -> tuple[Policy, ...]:
        """In front of a port of a workload, by name: of those in whose scope it is, and of those that name a service for which it
        answers there; and the mesh's default where that denies."""
        found = [scoped.value for scoped in self.policies if scoped.covers(workload)]
        for service in self.services_of(workload):
            targeted = list(self.targeted.of(service.ref))
            if targeted and number in self.ports_behind(service.ref, workload):
                found += targeted
        if self.default_authorization is PolicyAction.DENY:
            found.append(DENY_BY_DEFAULT)
        return in_order(found)

    def token_rules_of(self, workload: Workload) -> tuple[TokenRule, ...]:
        """Of all RequestAuthentications, oldest first."""
        covering = sorted((s for s in self.token_rules if s.covers(workload)), key=lambda s: s.document.age_order)
        return tuple(rule for scoped in covering for rule in scoped.value)

    def plain_by(self, service: Service, port: ServicePort) -> tuple[str, ...]:
        """The documents, with their generation, that say that endpoints of a service port want no mTLS; none: all want it."""
        if not self.mtls.some_disable:
            return ()
        found = {self.mtls.at(w, workload_port(w, port)) for w in self.behind(service)}
        keys = {origin.document for mode, origin in found if mode is MtlsMode.DISABLE and origin is not None}
        return tuple(f"{key} {self.documents[key].generation}" for key in sorted(keys))

    def deny_all(self, namespace: str, labels: Iterable[tuple[str, str]], document: Document) -> None:
        """Fail closed: what `document` covers admits nobody until it can be compiled, whatever other policies allow."""
        policy = Policy(document.namespace, document.name, PolicyAction.DENY, (PolicyRule(),), kind=document.key.kind)
        self.policies.append(Scoped(namespace, frozenset(labels), document, policy))


def in_order(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    """By name; each document once, in however many ways it applies."""
    found = {(policy.namespace, policy.name, policy.kind): policy for policy in policies}
    return tuple(found[name] for name in sorted(found))


def _name(workload: Workload) -> str:
    return workload.name


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

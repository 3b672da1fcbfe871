"""What the operator wants, as one frozen value: every stored document, and the facts about proxies that shape their view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from meshweb.core.names import ServiceRef

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class DocumentKey:
    """What makes a document unique. `namespace` is empty for kinds without one."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Document:
    """One stored document, parsed. `spec` is the kind's own frozen model (or `Unreadable`); the core never looks inside."""

    key: DocumentKey
    spec: object
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    created: datetime = EPOCH
    generation: int = 1
    revision: int = 0

    @property
    def namespace(self) -> str:
        return self.key.namespace

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def age_order(self) -> tuple[datetime, str, str]:
        """Older first, then by name: the tie-break of Gateway API ("Route conflicts")."""
        return (self.created, self.key.namespace, self.key.name)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for the spec of a stored document that this version cannot parse any more. Never applied; fails closed."""

    reason: str


class CaptureMode(StrEnum):
    """How an application's calls reach its sidecar."""

    LOOPBACK = "loopback"
    PROXY = "proxy"
    EXPLICIT = "explicit"


@dataclass(frozen=True, slots=True)
class ProxyView:
    """The facts about one proxy that its configuration depends on. gateway: the name under which it serves Gateways; empty: it is a
    sidecar."""

    namespace: str
    name: str
    mode: CaptureMode
    bind: str
    app_address: str = "127.0.0.1"
    loopback_range: str = "127.77.0.0/16"
    gateway: str = ""

    @property
    def id(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class MeshSettings:
    """Settings of the installation (not documents): they are baked into certificates and names."""

    mesh: str = "mesh"
    trust_domain: str = "cluster.local"
    dns_suffix: str = "svc.cluster.local"
    root_namespace: str = "istio-system"


@dataclass(frozen=True, slots=True)
class KeySet:
    """Public keys that were fetched: a JSON Web Key Set. Empty: there are none that may serve. error: why the last fetch failed, whose keys
    serve on then; empty: it did not."""

    keys: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """Input of the compiler. Same intent, same bytes.

    local_addresses: index per (service, port), port 0 for the service itself; stable for the life of a service, so that
        the address an application was told does not move when other services come and go.
    unhealthy: ids ("namespace/name") of workloads whose probe fails.
    keys: by `jwksUri`.
    """

    revision: int
    documents: Mapping[DocumentKey, Document]
    settings: MeshSettings = field(default_factory=MeshSettings)
    proxies: Mapping[str, ProxyView] = field(default_factory=dict)
    local_addresses: Mapping[tuple[ServiceRef, int], int] = field(default_factory=dict)
    unhealthy: frozenset[str] = frozenset()
    keys: Mapping[str, KeySet] = field(default_factory=dict)

"""For which workloads a document is: of a namespace, with certain labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from meshweb.core.intent import Document
from meshweb.core.ir.services import Labels, Workload
from meshweb.core.names import ServiceRef

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scoped(Generic[T]):
    """Something that applies to workloads: of `namespace` (empty: all) that carry all `labels` (empty: every workload)."""

    namespace: str
    labels: Labels
    document: Document
    value: T

    def covers(self, workload: Workload) -> bool:
        return (not self.namespace or self.namespace == workload.namespace) and self.labels <= workload.labels


@dataclass(frozen=True, slots=True)
class Audience:
    """The workloads that a document is for, and what its author should know while there is none. needs_http: what should be known while
    one of them has a port that does not speak HTTP, of `ports` (empty: any); `{port}` and `{workload}` are filled in. service: only its
    own ports count."""

    namespace: str
    labels: Labels
    words: str
    needs_http: str = ""
    ports: frozenset[int] = frozenset()
    service: ServiceRef | None = None

    def covers(self, workload: Workload) -> bool:
        return (not self.namespace or self.namespace == workload.namespace) and self.labels <= workload.labels

"""What PeerAuthentications say about mTLS, by port of a workload."""

from __future__ import annotations

from dataclasses import dataclass, field

from meshweb.core.errors import pointer
from meshweb.core.ir.routing import Origin
from meshweb.core.ir.security import MtlsMode, PeerModes
from meshweb.core.ir.services import Labels, Workload
from meshweb.core.scoped import Scoped


@dataclass(slots=True)
class MtlsModes:
    """default: where no document speaks. some_disable: whether there is one at all that disables mTLS."""

    default: MtlsMode = MtlsMode.STRICT
    some_disable: bool = False
    _said: list[Scoped[PeerModes]] = field(default_factory=list)
    _required: set[str] = field(default_factory=set)

    def put(self, scoped: Scoped[PeerModes]) -> None:
        self._said.append(scoped)
        self.some_disable = self.some_disable or scoped.value.disables

    def of_scope(self, namespace: str, labels: Labels) -> Scoped[PeerModes] | None:
        return next((s for s in self._said if (s.namespace, s.labels) == (namespace, labels)), None)

    def require(self, namespace: str) -> None:
        """Fail closed: STRICT for a namespace (empty: the mesh), whatever any document says."""
        self._required.add(namespace)

    def at(self, workload: Workload, port: int) -> tuple[MtlsMode, Origin | None]:
        """On a port of the workload's. Narrowest scope wins (port, workload, namespace, mesh); at one level the oldest document speaks
        alone (Istio). With the place that said so, None: nobody did."""
        if self._required & {"", workload.namespace}:
            return MtlsMode.STRICT, None
        for scoped in self._oldest_of_each_level(workload):
            own = dict(scoped.value.ports).get(port)
            if own is not None:
                return own, Origin(scoped.document.key, pointer("spec", "portLevelMtls", port, "mode"))
            if scoped.value.mode is not None:
                return scoped.value.mode, Origin(scoped.document.key, "/spec/mtls/mode")
        return self.default, None

    def disabled_at(self, workload: Workload, port: int) -> bool:
        """Asked for every endpoint: a mesh in which nobody disables mTLS pays nothing for it."""
        return self.some_disable and self.at(workload, port)[0] is MtlsMode.DISABLE

    def _oldest_of_each_level(self, workload: Workload) -> list[Scoped[PeerModes]]:
        """Narrowest first."""
        found: dict[tuple[bool, bool], Scoped[PeerModes]] = {}
        covering = sorted((s for s in self._said if s.covers(workload)), key=lambda s: s.document.age_order)
        for scoped in covering:
            found.setdefault((not scoped.labels, not scoped.namespace), scoped)
        return [found[level] for level in sorted(found)]

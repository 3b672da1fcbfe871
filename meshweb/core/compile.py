"""Intent in, snapshots and conditions out. Deterministic: the same intent gives the same bytes, in any order of documents.

A `Compiler` keeps what it built, by equal IR value, so that a small change costs what it touches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from meshweb.core.builder import MeshBuilder
from meshweb.core.caller import Caller
from meshweb.core.conditions import Condition
from meshweb.core.gateway import GatewayCompiler
from meshweb.core.inbound import InboundCompiler
from meshweb.core.intent import DocumentKey, Intent, ProxyView
from meshweb.core.ir.services import Workload
from meshweb.core.mesh import CompilableKind, build_mesh
from meshweb.core.names import ServiceRef
from meshweb.core.outbound import OutboundCompiler
from meshweb.core.resources import Resources
from meshweb.core.scope import Scope, View
from meshweb.core.snapshot import Section, Snapshot, TypeUrl, XdsResource

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Compilation:
    """Result of one run.

    snapshots: per proxy id; proxies with the same view share Section objects.
    mesh: the finished workbench, for status, topology and explanations.
    """

    revision: int
    snapshots: Mapping[str, Snapshot]
    conditions: Mapping[DocumentKey, tuple[Condition, ...]]
    mesh: MeshBuilder


class Compiler:
    """Keeps built resources and sections between runs. One per process; not for several threads."""

    def __init__(self, kinds: Sequence[CompilableKind]) -> None:
        self._kinds = kinds
        self._resources: dict[object, XdsResource] = {}
        self._sections: dict[str, Section] = {}

    def compile(self, intent: Intent) -> Compilation:
        mesh = build_mesh(intent, self._kinds)
        resources = Resources(self._resources, self._sections)
        run = _Run(intent, mesh, resources)
        snapshots = {proxy_id: run.snapshot(view) for proxy_id, view in sorted(intent.proxies.items())}
        self._resources = resources.used
        self._sections = {
            s.version: s for snapshot in snapshots.values() for group in snapshot.sections.values() for s in group
        }
        conditions = {key: tuple(found) for key, found in mesh.conditions.items()}
        return Compilation(intent.revision, snapshots, conditions, mesh)


class _Run:
    """One compilation: what is the same for several proxies is made once."""

    def __init__(self, intent: Intent, mesh: MeshBuilder, resources: Resources) -> None:
        self._intent = intent
        self._mesh = mesh
        self._resources = resources
        self._scopes: dict[View, Scope] = {}
        self._memo: dict[object, object] = {}

    def _once(self, key: object, make: Callable[[], T]) -> T:
        if key not in self._memo:
            self._memo[key] = make()
        return self._memo[key]  # type: ignore[return-value]  # the key determines the type

    def _section(self, key: object, build: Callable[[], Iterable[XdsResource]]) -> Section:
        return self._once(key, lambda: self._resources.section(build()))

    def snapshot(self, view: ProxyView) -> Snapshot:
        workload = self._mesh.workloads.get((view.namespace, view.name))
        if view.gateway:
            return self._gateway(view, workload)
        return self._sidecar(view, workload)

    def _scope(self, view: ProxyView, workload: Workload | None) -> Scope:
        caller = self._mesh.caller(workload) if workload is not None else Caller(view.namespace)
        upstreams: frozenset[ServiceRef] | None = self._mesh.upstreams.get((view.namespace, view.name))
        sidecar = self._mesh.sidecar_of(workload) if workload is not None and not view.gateway else None
        key = View(caller, upstreams, sidecar.value if sidecar is not None else None)
        if key not in self._scopes:
            self._scopes[key] = Scope(self._mesh, key)
        return self._scopes[key]

    def _sidecar(self, view: ProxyView, workload: Workload | None) -> Snapshot:
        scope = self._scope(view, workload)
        outbound = self._once(("out", scope.view), lambda: OutboundCompiler(self._intent, scope, self._resources))
        inbound = InboundCompiler(self._intent, self._mesh, self._resources, view, workload)
        place = outbound.place(view)
        return Snapshot(
            self._intent.revision,
            {
                TypeUrl.CLUSTER: (
                    self._section(("cds", scope.view, place.proxied), lambda: outbound.clusters(place)),
                    self._section(("in-cds", view.app_address, inbound.ports), inbound.clusters),
                ),
                TypeUrl.ENDPOINT: (self._section(("eds", scope.view), outbound.endpoints),),
                TypeUrl.LISTENER: (
                    self._section(("lds", scope.view, place), lambda: outbound.listeners(place)),
                    self._section(("in-lds", view.bind, inbound.ports), inbound.listeners),
                ),
                TypeUrl.ROUTE: (
                    self._section(("rds", scope.view, place.proxied), lambda: outbound.routes(place)),
                    self._section(("in-rds", inbound.ports), inbound.routes),
                ),
            },
        )

    def _gateway(self, view: ProxyView, workload: Workload | None) -> Snapshot:
        scope = self._scope(view, workload)
        gateways = self._mesh.gateways.serving(workload) if workload is not None else []
        compiler = GatewayCompiler(self._intent, scope, self._resources, workload, gateways)
        key = (scope.view, tuple(gateway.ref for gateway in gateways), compiler.policies)
        return Snapshot(
            self._intent.revision,
            {
                TypeUrl.CLUSTER: (self._section(("gw-cds", *key), compiler.clusters),),
                TypeUrl.ENDPOINT: (self._section(("gw-eds", *key), compiler.endpoints),),
                TypeUrl.LISTENER: (self._section(("gw-lds", view.bind, *key), lambda: compiler.listeners(view.bind)),),
                TypeUrl.ROUTE: (self._section(("gw-rds", *key), compiler.routes),),
            },
        )

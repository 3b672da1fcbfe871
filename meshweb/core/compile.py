"""Intent in, snapshots and conditions out. Deterministic: the same intent gives the same bytes, in any order of documents.

A `Compiler` keeps what it made. An intent that differs from the one before in documents of independent kinds, in probes or in proxies costs
what the difference touches; any other is compiled anew, with the resources that are still the same. Either way the result is the same
(a property test says so).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from meshweb.core.attachment import Listeners, ParentStatus
from meshweb.core.builder import MeshBuilder
from meshweb.core.caller import Caller
from meshweb.core.changes import Touched, change_between
from meshweb.core.conditions import Condition
from meshweb.core.gateway import GatewayProxy, GatewaySections
from meshweb.core.inbound import Inbound, InboundSections, inbound_ports
from meshweb.core.intent import DocumentKey, Intent, ProxyView
from meshweb.core.mesh import CompilableKind, MeshAssembly
from meshweb.core.outbound import Outbound, OutboundSections, Place
from meshweb.core.resources import Resources
from meshweb.core.scope import Scope, View
from meshweb.core.secrets import Permitted
from meshweb.core.snapshot import Snapshot, TypeUrl


@dataclass(frozen=True, slots=True)
class Attached:
    """parents: what became of routes at each of their parents; listeners: of Gateways'."""

    parents: Mapping[DocumentKey, tuple[ParentStatus, ...]]
    listeners: Listeners


@dataclass(frozen=True, slots=True)
class Compilation:
    """Result of one run.

    snapshots: per proxy id; proxies with the same view share Section objects.
    mesh: the finished workbench, for status, topology and explanations. It follows the compiler: read it before the next run.
    """

    revision: int
    snapshots: Mapping[str, Snapshot]
    conditions: Mapping[DocumentKey, tuple[Condition, ...]]
    attached: Attached
    mesh: MeshBuilder


class Compiler:
    """One per process; not for several threads."""

    def __init__(self, kinds: Sequence[CompilableKind]) -> None:
        self._kinds = kinds
        self._resources = Resources()
        self._intent: Intent | None = None
        self._state: _State | None = None

    def compile(self, intent: Intent) -> Compilation:
        before, state = self._intent, self._state
        # What fails half way must not be built upon.
        self._intent = self._state = None
        change = change_between(before, intent) if before is not None else None
        if state is None or change is None:
            state = _State(intent, self._kinds, self._resources)
        else:
            touched = state.assembly.update(intent, change)
            if touched is None:
                state = _State(intent, self._kinds, self._resources)
            else:
                state.update(intent, touched, change.proxies)
        self._intent, self._state = intent, state
        assembly = state.assembly
        attached = Attached(dict(assembly.mesh.parents), assembly.listeners)
        return Compilation(intent.revision, state.snapshots(), dict(assembly.conditions), attached, assembly.mesh)


@dataclass(frozen=True, slots=True)
class _Sidecar:
    """What a sidecar's configuration is put together from."""

    outbound: Outbound
    place: Place
    inbound: InboundSections
    permitted: Permitted


class Snapshots(Mapping[str, Snapshot]):
    """By proxy id, put together when asked for: most are never looked at again."""

    def __init__(
        self,
        revision: int,
        sidecars: Mapping[str, _Sidecar],
        outbounds: Iterable[Outbound],
        gateways: Mapping[str, GatewaySections],
    ) -> None:
        self._revision = revision
        self._sidecars = sidecars
        self._gateways = gateways
        # As they are now: an Outbound goes on with the compiler, what it has handed out stays.
        self._places = {id(outbound): outbound.places for outbound in outbounds}

    def __getitem__(self, proxy_id: str) -> Snapshot:
        sidecar = self._sidecars.get(proxy_id)
        if sidecar is None:
            return _gateway_snapshot(self._revision, self._gateways[proxy_id])
        outbound = self._places[id(sidecar.outbound)][sidecar.place]
        return _sidecar_snapshot(self._revision, outbound, sidecar.inbound, sidecar.permitted)

    def __iter__(self) -> Iterator[str]:
        yield from self._sidecars
        yield from self._gateways

    def __len__(self) -> int:
        return len(self._sidecars) + len(self._gateways)


def _sidecar_snapshot(revision: int, outbound: OutboundSections, inbound: InboundSections, permitted: Permitted) -> Snapshot:
    clusters, listeners = (outbound.clusters, inbound.clusters), (outbound.listeners, inbound.listeners)
    sections = {
        TypeUrl.CLUSTER: clusters,
        TypeUrl.ENDPOINT: (outbound.endpoints,),
        TypeUrl.SECRET: permitted.sections(clusters, listeners),
        TypeUrl.LISTENER: listeners,
        TypeUrl.ROUTE: (outbound.routes, inbound.routes),
    }
    return Snapshot(revision, sections, inbound.limits)


def _gateway_snapshot(revision: int, gateway: GatewaySections) -> Snapshot:
    sections = {
        TypeUrl.CLUSTER: (gateway.clusters,),
        TypeUrl.ENDPOINT: (gateway.endpoints,),
        TypeUrl.SECRET: gateway.secrets,
        TypeUrl.LISTENER: (gateway.listeners,),
        TypeUrl.ROUTE: (gateway.routes,),
    }
    return Snapshot(revision, sections, gateway.limits)


class _State:
    """Everything that one compilation leaves to the next."""

    def __init__(self, intent: Intent, kinds: Sequence[CompilableKind], resources: Resources) -> None:
        self.assembly = MeshAssembly(intent, kinds)
        self._mesh = self.assembly.mesh
        self._intent = intent
        self._resources = resources
        self._outbounds: dict[View, Outbound] = {}
        self._inbounds: dict[object, InboundSections] = {}
        self._sidecars: dict[str, _Sidecar] = {}
        self._gateways: dict[str, GatewayProxy] = {}
        self._permitted: dict[str, Permitted] = {}
        for proxy_id, view in sorted(intent.proxies.items()):
            self._add(proxy_id, view)

    def snapshots(self) -> Snapshots:
        gateways = {proxy_id: gateway.sections for proxy_id, gateway in self._gateways.items()}
        return Snapshots(self._intent.revision, dict(self._sidecars), self._outbounds.values(), gateways)

    def update(self, intent: Intent, touched: Touched, proxies: frozenset[str]) -> None:
        self._intent, before = intent, len(self._outbounds)
        for outbound in self._outbounds.values():
            outbound.update(touched)
        for gateway in self._gateways.values():
            gateway.update(touched)
        moved = {f"{namespace}/{name}" for namespace, name in touched.workloads} | proxies
        for proxy_id in moved:
            self._sidecars.pop(proxy_id, None)
            self._gateways.pop(proxy_id, None)
            view = intent.proxies.get(proxy_id)
            if view is not None:
                self._add(proxy_id, view)
        if proxies or len(self._outbounds) > before or len(self._inbounds) > len(self._sidecars):
            self._clean()

    def _add(self, proxy_id: str, view: ProxyView) -> None:
        workload = self._mesh.workloads.get((view.namespace, view.name))
        scope = self._view_of(view)
        if view.gateway:
            own = Scope(self._mesh, scope)
            self._gateways[proxy_id] = GatewayProxy(self._intent, own, self._resources, workload, view.bind)
            return
        outbound = self._outbounds.get(scope)
        if outbound is None:
            outbound = self._outbounds[scope] = Outbound(self._intent, Scope(self._mesh, scope), self._resources)
        place = Place.of(view)
        outbound.at(place)
        ports = inbound_ports(self._mesh, workload) if workload is not None else ()
        key = (ports, view.bind, view.app_address, view.namespace if self._mesh.denial_header else "")
        inbound = self._inbounds.get(key)
        if inbound is None:
            inbound = self._inbounds[key] = Inbound(self._intent, self._mesh, self._resources, view, ports).sections()
        permitted = self._permitted.get(view.namespace)
        if permitted is None:
            permitted = self._permitted[view.namespace] = Permitted(self._mesh, self._resources, view.namespace)
        self._sidecars[proxy_id] = _Sidecar(outbound, place, inbound, permitted)

    def _view_of(self, view: ProxyView) -> View:
        place = (view.namespace, view.name)
        workload = self._mesh.workloads.get(place)
        caller = self._mesh.caller(workload) if workload is not None else Caller(view.namespace)
        sidecar = self._mesh.sidecar_of(workload) if workload is not None and not view.gateway else None
        return View(caller, self._mesh.upstreams.get(place), sidecar.value if sidecar is not None else None)

    def _clean(self) -> None:
        """Nothing is kept for proxies that are gone."""
        places: defaultdict[int, set[Place]] = defaultdict(set)
        inbounds = set()
        for sidecar in self._sidecars.values():
            places[id(sidecar.outbound)].add(sidecar.place)
            inbounds.add(id(sidecar.inbound))
        self._outbounds = {view: outbound for view, outbound in self._outbounds.items() if id(outbound) in places}
        for outbound in self._outbounds.values():
            outbound.keep(places[id(outbound)])
        self._inbounds = {key: sections for key, sections in self._inbounds.items() if id(sections) in inbounds}

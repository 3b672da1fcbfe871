"""What a gateway proxy receives: listeners for the servers of its Gateways, and the way to everything that their routes lead to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from meshweb.core import hosts, matching
from meshweb.core.attachment import compatible
from meshweb.core.builder import MeshBuilder, in_order as policies_in_order
from meshweb.core.changes import Touched
from meshweb.core.envoy.gateway_listeners import GatewayListener, ServerChain, gateway_listener
from meshweb.core.envoy.gateway_routes import GatewayHost, GatewayRoutes, gateway_route_configuration
from meshweb.core.gateway_table import HostRules
from meshweb.core.intent import DocumentKey, Intent
from meshweb.core.ir.gateways import GatewayRef, GatewayServer
from meshweb.core.ir.rate_limits import RateLimit
from meshweb.core.ir.routing import ConnectionRule, Destination, RouteRule
from meshweb.core.ir.security import Policy
from meshweb.core.ir.services import Protocol, Resolution, Workload
from meshweb.core.outbound import assignments, cluster_resources
from meshweb.core.providers import provider_destinations, providers
from meshweb.core.resources import Resources
from meshweb.core.scope import Scope, in_order, targets
from meshweb.core.secrets import GATEWAY_API, Permitted
from meshweb.core.shared_limits import shared_by
from meshweb.core.snapshot import Section, XdsResource


@dataclass(frozen=True, slots=True)
class GatewaySections:
    clusters: Section
    endpoints: Section
    secrets: tuple[Section, ...]
    listeners: Section
    routes: Section
    limits: Section


class GatewayProxy:
    """One gateway proxy, kept while the mesh changes. Its workload's labels decide which Gateways it serves."""

    def __init__(self, intent: Intent, scope: Scope, resources: Resources, workload: Workload | None, bind: str) -> None:
        self._settings = intent.settings
        self._scope = scope
        self._resources = resources
        self._bind = bind
        self._workload = workload
        gateways = scope.mesh.gateways.serving(workload) if workload is not None else []
        self._permitted = Permitted(scope.mesh, resources, scope.view.caller.namespace, gateways)
        self._servers = compatible(self._permitted.only(server) for gateway in gateways for server in gateway.servers)
        self._tokens = scope.mesh.token_rules_of(workload) if workload is not None else ()
        self._destinations: list[Destination] = []
        self.sections = self._compiled()

    def update(self, touched: Touched) -> None:
        """After a change of rules or endpoints; of its own workload it is made anew."""
        if touched.gateways or touched.services & {destination.port.service for destination in self._destinations}:
            self.sections = self._compiled()

    def _compiled(self) -> GatewaySections:
        self._destinations = self._reached()
        made, scope = self._resources, self._scope
        clusters, listeners = made.section(cluster_resources(scope, made, self._destinations)), made.section(self._listeners())
        return GatewaySections(
            clusters,
            made.section(assignments(scope, made, self._destinations, self._settings.dns_suffix)),
            self._permitted.sections((clusters,), (listeners,)),
            listeners,
            made.section(self._routes()),
            made.section(shared_by(map(scope.mesh.rate_limits.of_server, self._servers))),
        )

    # --- resources --------------------------------------------------------------------------------------------------

    def _listeners(self) -> Iterable[XdsResource]:
        dynamic = any(
            self._scope.mesh.services[d.port.service].resolution is Resolution.DYNAMIC_DNS for d in self._destinations
        )
        places: defaultdict[tuple[str, int], list[ServerChain]] = defaultdict(list)
        for server in self._servers:
            chain = self._chain(server)
            if chain is not None and chain not in places[server.bind or self._bind, server.port]:
                places[server.bind or self._bind, server.port].append(chain)
        asked = providers(self._scope.mesh)
        for (address, port), chains in sorted(places.items()):
            if not chains:
                continue
            settings = self._settings
            spec = GatewayListener(
                address,
                port,
                tuple(chains),
                self._tokens,
                dynamic,
                settings.trust_domain,
                settings.dns_suffix,
                asked,
                self._scope.mesh.trusted_proxies,
            )
            yield self._resources.get(spec, lambda s=spec: gateway_listener(s))  # type: ignore[misc]  # mypy: lambda default

    def _routes(self) -> Iterable[XdsResource]:
        found: dict[str, list[GatewayServer]] = defaultdict(list)
        for server in self._servers:
            if server.takes_requests:
                found[route_name(server)].append(server)
        for name, servers in sorted(found.items()):
            guards = _Guards(self._scope.mesh, self._workload, servers[0].port)
            virtual_hosts = self._virtual_hosts(servers, guards)
            spec = GatewayRoutes(
                name,
                servers[0].port,
                servers[0].tls is not None,
                virtual_hosts,
                guards.found,
                self._settings.trust_domain,
                self._settings.dns_suffix,
            )
            yield self._resources.get(spec, lambda s=spec: gateway_route_configuration(s))  # type: ignore[misc]  # mypy: lambda default

    # --- rules ------------------------------------------------------------------------------------------------------

    def _bindings(self, server: GatewayServer) -> list[HostRules]:
        return self._scope.mesh.gateways.of(server)

    def _reached(self) -> list[Destination]:
        found: set[Destination] = set(provider_destinations(self._scope.mesh))
        for server in self._servers:
            for binding in self._bindings(server):
                rules = [self._scope.settled(rule) for rule in binding.rules]
                found |= set(targets(rules, map(self._scope.settled_connection, binding.connections)))
        return in_order(found)

    def _virtual_hosts(self, servers: Sequence[GatewayServer], guards: _Guards) -> tuple[GatewayHost, ...]:
        """By host name. In Gateway API a request that no rule for its own name takes is tried with wider names; an Istio
        VirtualService stands alone."""
        lists: defaultdict[str, list[tuple[RouteRule, ...]]] = defaultdict(list)
        api: set[str] = set()
        https_only: set[str] = set()
        limits: dict[str, RateLimit | None] = {}
        by_way_of: defaultdict[tuple[str, DocumentKey], set[GatewayRef]] = defaultdict(set)
        for server in servers:
            if server.https_redirect:
                https_only |= {host for _, host in server.hosts}
            for binding in self._bindings(server):
                if not binding.rules:
                    continue
                lists[binding.host].append(tuple(self._scope.settled(rule) for rule in binding.rules))
                by_way_of[binding.host, binding.document.key].add(server.gateway)
                limits.setdefault(binding.host, self._scope.mesh.rate_limits.of_server(server))
                if server.gateway.kind == GATEWAY_API:
                    api.add(binding.host)
        merged = {
            host: tuple(_guarded(rule, host, by_way_of, guards) for rule in matching.merged(rules))
            for host, rules in lists.items()
        }
        found = []
        for host in sorted(merged.keys() | https_only | {"*"}):
            rules = merged.get(host, ())
            if host in api:
                wider = [pattern for pattern in merged if pattern != host and hosts.covers(pattern, host) and pattern in api]
                for pattern in sorted(wider, key=len, reverse=True):
                    rules += merged[pattern]
            plain = not any(hosts.covers(pattern, host) for pattern in https_only)
            serving = {s.gateway for s in servers if any(hosts.covers(pattern, host) for _, pattern in s.hosts)}
            found.append(GatewayHost(host, rules, not plain, limits.get(host), guards.of(serving)))
        return tuple(found)

    def _chain(self, server: GatewayServer) -> ServerChain | None:
        """None: nothing would be answered."""
        names = () if server.tls is None else tuple(sorted({host for _, host in server.hosts if host != "*"}))
        if any(host == "*" for _, host in server.hosts):
            names = ()
        name = f"{server.gateway}/{server.name}"
        if server.takes_requests:
            routes = route_name(server)
            return ServerChain(routes if server.tls is None else name, names, server.tls, routes)
        bindings = self._bindings(server)
        rules = [self._scope.settled_connection(rule) for binding in bindings for rule in binding.connections]
        if not rules:
            return None
        policies = _Guards(self._scope.mesh, self._workload, server.port).policies({server.gateway})
        tls, looked_at = server.tls if server.terminates else None, self._is_looked_at(rules)
        return ServerChain(name, names, tls, "", _ordered(rules, server), policies, looked_at)

    def _is_looked_at(self, rules: Iterable[ConnectionRule]) -> bool:
        for destination in targets((), rules):
            service = self._scope.mesh.services[destination.port.service]
            port = service.port(destination.port.port)
            if port is not None and not service.external and port.protocol is Protocol.AUTO:
                return True
        return False


class _Guards:
    """The policies of one port of a gateway proxy: those of its workload, with those that name a Gateway or a route. Sets that come
    about are numbered: most routes share one."""

    def __init__(self, mesh: MeshBuilder, workload: Workload | None, port: int) -> None:
        self._targeted = mesh.targeted
        self._everywhere = mesh.policies_of(workload, port) if workload is not None else ()
        self._numbers: dict[frozenset[tuple[str, str, str]], int] = {}
        self._found: list[tuple[Policy, ...]] = []

    @property
    def found(self) -> tuple[tuple[Policy, ...], ...]:
        return tuple(self._found)

    def policies(self, gateways: Iterable[GatewayRef], route: DocumentKey | None = None) -> tuple[Policy, ...]:
        targets = (*gateways, *((route,) if route is not None else ()))
        return policies_in_order([*self._everywhere, *(policy for target in targets for policy in self._targeted.of(target))])

    def of(self, gateways: Iterable[GatewayRef], route: DocumentKey | None = None) -> int:
        """Of what comes by way of `gateways`, and is taken by a route: an index into `found`."""
        policies = self.policies(gateways, route)
        number = self._numbers.setdefault(frozenset((p.kind, p.namespace, p.name) for p in policies), len(self._found))
        if number == len(self._found):
            self._found.append(policies)
        return number


def _guarded(
    rule: RouteRule, host: str, by_way_of: Mapping[tuple[str, DocumentKey], set[GatewayRef]], guards: _Guards
) -> tuple[RouteRule, int]:
    assert rule.origin is not None, "rules of gateways come from documents"
    document = rule.origin.document
    return rule, guards.of(by_way_of[host, document], document)


def route_name(server: GatewayServer) -> str:
    """Plain HTTP servers of one port share a route configuration; each HTTPS server has its own (Istio's names)."""
    if server.tls is None:
        return f"http.{server.port}"
    return f"https.{server.port}.{server.name}.{server.gateway.name}.{server.gateway.namespace}"


def _ordered(rules: Sequence[ConnectionRule], server: GatewayServer) -> tuple[ConnectionRule, ...]:
    """Rules for server names first. A server without TLS has no names to choose by."""
    if server.tls is None:
        return (replace(rules[0], server_names=()),)
    return tuple(sorted(rules, key=lambda rule: not rule.server_names))

"""What a gateway proxy receives: listeners for the servers of its Gateways, and the way to everything that their routes lead to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from meshweb.core import hosts, matching
from meshweb.core.attachment import compatible
from meshweb.core.changes import Touched
from meshweb.core.envoy.gateway_listeners import GatewayListener, ServerChain, gateway_listener
from meshweb.core.envoy.gateway_routes import GatewayHost, GatewayRoutes, gateway_route_configuration
from meshweb.core.gateway_table import HostRules
from meshweb.core.intent import Intent
from meshweb.core.ir.gateways import GatewayServer
from meshweb.core.ir.rate_limits import RateLimit
from meshweb.core.ir.routing import ConnectionRule, Destination, RouteRule
from meshweb.core.ir.security import Policy
from meshweb.core.ir.services import Resolution, Workload
from meshweb.core.outbound import assignments, cluster_resources
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
        gateways = scope.mesh.gateways.serving(workload) if workload is not None else []
        self._permitted = Permitted(scope.mesh, resources, scope.view.caller.namespace, gateways)
        self._servers = compatible(self._permitted.only(server) for gateway in gateways for server in gateway.servers)
        self._policies: tuple[Policy, ...] = scope.mesh.policies_of(workload) if workload is not None else ()
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
        for (address, port), chains in sorted(places.items()):
            if not chains:
                continue
            settings = self._settings
            spec = GatewayListener(
                address, port, tuple(chains), self._policies, self._tokens, dynamic, settings.trust_domain, settings.dns_suffix
            )
            yield self._resources.get(spec, lambda s=spec: gateway_listener(s))  # type: ignore[misc]  # mypy: lambda default

    def _routes(self) -> Iterable[XdsResource]:
        found: dict[str, list[GatewayServer]] = defaultdict(list)
        for server in self._servers:
            if server.takes_requests:
                found[route_name(server)].append(server)
        for name, servers in sorted(found.items()):
            spec = GatewayRoutes(
                name,
                servers[0].port,
                servers[0].tls is not None,
                self._virtual_hosts(servers),
                self._policies,
                self._settings.trust_domain,
                self._settings.dns_suffix,
            )
            yield self._resources.get(spec, lambda s=spec: gateway_route_configuration(s))  # type: ignore[misc]  # mypy: lambda default

    # --- rules ------------------------------------------------------------------------------------------------------

    def _bindings(self, server: GatewayServer) -> list[HostRules]:
        return self._scope.mesh.gateways.of(server)

    def _reached(self) -> list[Destination]:
        found: set[Destination] = set()
        for server in self._servers:
            for binding in self._bindings(server):
                rules = [self._scope.settled(rule) for rule in binding.rules]
                found |= set(targets(rules, map(self._scope.settled_connection, binding.connections)))
        return in_order(found)

    def _virtual_hosts(self, servers: Sequence[GatewayServer]) -> tuple[GatewayHost, ...]:
        """By host name. In Gateway API a request that no rule for its own name takes is tried with wider names; an Istio
        VirtualService stands alone."""
        lists: defaultdict[str, list[tuple[RouteRule, ...]]] = defaultdict(list)
        api: set[str] = set()
        https_only: set[str] = set()
        limits: dict[str, RateLimit | None] = {}
        for server in servers:
            if server.https_redirect:
                https_only |= {host for _, host in server.hosts}
            for binding in self._bindings(server):
                if not binding.rules:
                    continue
                lists[binding.host].append(tuple(self._scope.settled(rule) for rule in binding.rules))
                limits.setdefault(binding.host, self._scope.mesh.rate_limits.of_server(server))
                if server.gateway.kind == GATEWAY_API:
                    api.add(binding.host)
        merged = {host: matching.merged(rules) for host, rules in lists.items()}
        found = []
        for host in sorted(merged.keys() | https_only):
            rules = merged.get(host, ())
            if host in api:
                wider = [pattern for pattern in merged if pattern != host and hosts.covers(pattern, host) and pattern in api]
                for pattern in sorted(wider, key=len, reverse=True):
                    rules += merged[pattern]
            plain = not any(hosts.covers(pattern, host) for pattern in https_only)
            found.append(GatewayHost(host, rules, not plain, limits.get(host)))
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
        return ServerChain(name, names, server.tls if server.terminates else None, "", _ordered(rules, server))


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

"""What holds for one proxy, value by value, and which document said so.

Everything is worked out again from the mesh that was compiled, so that it is what the proxy was sent. A value without an origin is a
default. Durations in milliseconds, 0: no limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from meshweb.core import names
from meshweb.core.attachment import compatible
from meshweb.core.builder import MeshBuilder
from meshweb.core.caller import Caller
from meshweb.core.destination_rules import DestinationRule
from meshweb.core.inbound import inbound_ports
from meshweb.core.intent import ProxyView
from meshweb.core.ir.gateways import GatewayServer
from meshweb.core.ir.health_checks import HealthCheck, panic_threshold
from meshweb.core.ir.routing import Backend, ConnectionRule, Destination, Origin, RouteRule
from meshweb.core.ir.security import POLICY, Policy
from meshweb.core.ir.services import Service, Workload
from meshweb.core.ir.traffic_policy import ConnectionPool, LoadBalancing, OutlierDetection, PortedPolicy, TlsMode
from meshweb.core.scope import Scope, View, in_order, targets
from meshweb.core.words import backend_words, check_words, limit_words, match_words, share_of

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Value:
    """`origin` None: a default."""

    name: str
    value: Scalar
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """Where a rule leads. `to` empty: to nothing, which is answered with an error. share: from 0 to 1."""

    to: str
    subset: str
    share: float


@dataclass(frozen=True, slots=True)
class EffectiveRoute:
    """One rule, in match order."""

    match: str
    action: str
    shares: tuple[Share, ...]
    values: tuple[Value, ...]
    origin: Origin | None


@dataclass(frozen=True, slots=True)
class EffectiveDestination:
    """How calls to a service port, or a subset of it, are balanced, limited and secured."""

    service: str
    port: int
    subset: str
    endpoints: int
    healthy: int
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Upstream:
    service: str
    port: int
    host: str
    protocol: str
    routes: tuple[EffectiveRoute, ...]


@dataclass(frozen=True, slots=True)
class Listening:
    """A server of a Gateway that the proxy opens, with the routes of each host in match order."""

    gateway: str
    server: str
    port: int
    protocol: str
    host: str
    routes: tuple[EffectiveRoute, ...]


@dataclass(frozen=True, slots=True)
class InboundPortView:
    """policies: documents that decide who may call."""

    port: int
    protocol: str
    values: tuple[Value, ...]
    policies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Effective:
    upstreams: tuple[Upstream, ...]
    destinations: tuple[EffectiveDestination, ...]
    inbound: tuple[InboundPortView, ...]
    gateways: tuple[Listening, ...]


def effective(mesh: MeshBuilder, view: ProxyView) -> Effective:
    place = (view.namespace, view.name)
    workload = mesh.workloads.get(place)
    sidecar = mesh.sidecar_of(workload) if workload is not None and not view.gateway else None
    caller = mesh.caller(workload) if workload is not None else Caller(view.namespace)
    scope = Scope(mesh, View(caller, mesh.upstreams.get(place), sidecar.value if sidecar is not None else None))
    if view.gateway:
        listening = tuple(_gateways(scope, workload)) if workload is not None else ()
        reached = {d for server in _servers(scope, workload) for d in _reached(scope, server)}
        return Effective((), tuple(_destination(scope, d) for d in in_order(reached)), (), listening)
    services = [scope.virtual_service(port) for port in scope.called()]
    upstreams = tuple(
        Upstream(
            str(s.port.service),
            s.port.port,
            names.service_host(s.port.service, mesh.settings.dns_suffix),
            s.protocol.value,
            (*map(_route, s.routes), *map(_connection, s.connections)),
        )
        for s in services
    )
    needed = {d for s in services for d in (Destination(s.port), *targets(s.routes, s.connections))}
    inbound = tuple(_inbound(mesh, workload)) if workload is not None else ()
    return Effective(upstreams, tuple(_destination(scope, d) for d in in_order(needed)), inbound, ())


# --- routes ---------------------------------------------------------------------------------------------------------


def _route(rule: RouteRule) -> EffectiveRoute:
    return EffectiveRoute(
        match_words(rule), backend_words(rule), _shares(rule.backends), tuple(_route_values(rule)), rule.origin
    )


def _connection(rule: ConnectionRule) -> EffectiveRoute:
    match = f"server name {', '.join(rule.server_names)}" if rule.server_names else "every connection"
    return EffectiveRoute(match, "forward", _shares(rule.backends), (), rule.origin)


def _shares(backends: tuple[Backend, ...]) -> tuple[Share, ...]:
    return tuple(
        Share(
            f"{b.to.port.service}:{b.to.port.port}" if b.to is not None else "",
            b.to.subset if b.to is not None else "",
            share_of(b, backends),
        )
        for b in backends
    )


def _route_values(rule: RouteRule) -> Iterator[Value]:
    retry = rule.retry

    def said(name: str) -> Origin | None:
        origin = rule.origin
        place = dict(origin.said).get(name) if origin is not None else None
        return Origin(origin.document, place) if origin is not None and place is not None else None

    yield Value("timeout", rule.request_timeout, said("timeout"))
    yield Value("tryTimeout", retry.try_timeout, said("tryTimeout"))
    yield Value("retries.attempts", retry.attempts, said("retries"))
    if retry.attempts:
        yield Value("retries.on", ",".join((*retry.on, *map(str, retry.codes))), said("retries"))
        yield Value("retries.backoff", retry.backoff, said("retries"))
    if rule.fault is not None:
        if rule.fault.delay_parts:
            yield Value("fault.delay", f"{rule.fault.delay} ms for {rule.fault.delay_parts / 10_000:g} %", said("fault"))
        if rule.fault.abort_parts:
            status = rule.fault.http_status if rule.fault.grpc_status is None else f"gRPC {rule.fault.grpc_status}"
            yield Value("fault.abort", f"{status} for {rule.fault.abort_parts / 10_000:g} %", said("fault"))
    for mirror in rule.mirrors:
        to = f"{mirror.to.port.service}:{mirror.to.port.port}"
        yield Value("mirror", f"{mirror.parts / 10_000:g} % to {to}", said("mirror"))
    if rule.session is not None:
        kind = "header" if rule.session.header else "cookie"
        yield Value("sessionPersistence", f"{kind} {rule.session.name}", said("sessionPersistence"))


# --- destinations ---------------------------------------------------------------------------------------------------


def _destination(scope: Scope, destination: Destination) -> EffectiveDestination:
    mesh = scope.mesh
    service = mesh.services[destination.port.service]
    port = service.port(destination.port.port)
    resolved = scope.policy(destination)
    endpoints = mesh.endpoints(service, port, resolved.labels) if port is not None and resolved is not None else ()
    return EffectiveDestination(
        str(service.ref),
        destination.port.port,
        destination.subset,
        len(endpoints),
        sum(endpoint.healthy for endpoint in endpoints),
        tuple(_policy_values(scope, service, destination)),
    )


def _policy_values(scope: Scope, service: Service, destination: Destination) -> Iterator[Value]:
    resolved = scope.policy(destination)
    if resolved is None:
        return
    policy, rules = resolved.policy, scope.rules_of(service)

    def said(field: str, name: str) -> Origin | None:
        return _said(rules, destination.port.port, destination.subset, field, name)

    mode = TlsMode.DISABLE if service.external else TlsMode.ISTIO_MUTUAL
    yield Value("tls.mode", (policy.tls.mode if policy.tls is not None else mode).value, said("tls", "tls/mode"))
    balancing = policy.balancing or LoadBalancing()
    yield Value("loadBalancer", balancing.balancer.value, said("balancing", "loadBalancer"))
    if balancing.warmup is not None:
        yield Value("warmup.duration", balancing.warmup.duration, said("balancing", "loadBalancer/warmup"))
    pool = policy.pool or ConnectionPool()
    origin = said("pool", "connectionPool")
    connect, default = pool.connect_timeout, scope.mesh.connect_timeout_ms
    yield Value("connectTimeout", connect if connect is not None else default, origin if connect is not None else None)
    for name, limit in (
        ("maxConnections", pool.max_connections),
        ("http1MaxPendingRequests", pool.max_pending_requests),
        ("http2MaxRequests", pool.max_requests),
        ("maxRetries", pool.max_retries),
        ("maxRequestsPerConnection", pool.max_requests_per_connection),
    ):
        yield Value(name, "unlimited" if limit is None else limit, origin if limit is not None else None)
    outlier = said("outlier", "outlierDetection")
    yield from _outlier_values(policy.outlier, outlier)
    check = scope.mesh.health_checks.of(destination.port)
    yield from _check_values(check)
    panic = panic_threshold(check, policy.outlier)
    if check is not None and check.panic is not None:
        yield Value("panicThreshold", panic, Origin(check.document, "/spec/panicThreshold"))
    else:
        place = Origin(outlier.document, f"{outlier.pointer}/minHealthPercent") if outlier is not None and panic else None
        yield Value("panicThreshold", panic, place)


def _outlier_values(outlier: OutlierDetection | None, origin: Origin | None) -> Iterator[Value]:
    if outlier is None:
        yield Value("outlierDetection", "off")
        return
    yield Value("outlierDetection.consecutive5xxErrors", outlier.consecutive_5xx or "off", origin)
    yield Value("outlierDetection.consecutiveGatewayErrors", outlier.consecutive_gateway or "off", origin)
    yield Value("outlierDetection.interval", outlier.interval, origin)
    yield Value("outlierDetection.baseEjectionTime", outlier.base_ejection, origin)
    yield Value("outlierDetection.maxEjectionPercent", outlier.max_ejection_percent, origin)


def _check_values(check: HealthCheck | None) -> Iterator[Value]:
    if check is None:
        yield Value("healthCheck", "off")
        return

    def said(name: str) -> Origin:
        return Origin(check.document, f"/spec/{name}")

    kind, words = check_words(check.check)
    yield Value("healthCheck", words, said(kind))
    yield Value("healthCheck.interval", check.interval, said("interval"))
    yield Value("healthCheck.timeout", check.timeout, said("timeout"))
    yield Value("healthCheck.unhealthyThreshold", check.unhealthy, said("unhealthyThreshold"))
    yield Value("healthCheck.healthyThreshold", check.healthy, said("healthyThreshold"))


def _said(rules: tuple[DestinationRule, ...], port: int, subset: str, field: str, name: str) -> Origin | None:
    """Where a part of the policy comes from: the subset, for this port or all, else the rule. A port's settings inherit nothing."""
    candidates: list[tuple[DestinationRule, PortedPolicy, str]] = []
    for rule in rules:
        for index, one in enumerate(rule.subsets):
            if subset and one.name == subset and not candidates:
                candidates.append((rule, one.policy, f"/spec/subsets/{index}/trafficPolicy"))
    if rules:
        candidates.append((rules[0], rules[0].policy, "/spec/trafficPolicy"))
    for rule, ported, pointer in candidates:
        for index, (number, own) in enumerate(ported.ports):
            if number == port:
                at = f"{pointer}/portLevelSettings/{index}/{name}"
                return Origin(rule.document.key, at) if getattr(own, field) is not None else None
        if getattr(ported.policy, field) is not None:
            return Origin(rule.document.key, f"{pointer}/{name}")
    return None


# --- its own side ---------------------------------------------------------------------------------------------------


def _inbound(mesh: MeshBuilder, workload: Workload) -> Iterator[InboundPortView]:
    sidecar = mesh.sidecar_of(workload)
    for port in inbound_ports(mesh, workload):
        mode, origin = mesh.mtls.at(workload, port.number)
        values = [Value("mtls", mode.value, origin)]
        if port.pool is not None and sidecar is not None:
            limits = Origin(sidecar.document.key, "/spec/inboundConnectionPool")
            if port.pool.max_connections is not None:
                values.append(Value("maxConnections", port.pool.max_connections, limits))
        if port.limit is not None:
            values += [
                Value(f"rateLimit.{one.name}", limit_words(one), Origin(port.limit.document, f"/spec/limits/{index}"))
                for index, one in enumerate(port.limit.limits)
            ]
        yield InboundPortView(port.number, port.protocol.value, tuple(values), tuple(map(_policy_words, port.policies)))


def _policy_words(policy: Policy) -> str:
    if policy.is_default:
        return "DENY by default"
    name = f"{policy.namespace}/{policy.name}" if policy.kind == POLICY else str(policy.document)
    return f"{policy.action.value} {name}"


def _servers(scope: Scope, workload: Workload | None) -> list[GatewayServer]:
    gateways = scope.mesh.gateways.serving(workload) if workload is not None else []
    return compatible(server for gateway in gateways for server in gateway.servers)


def _reached(scope: Scope, server: GatewayServer) -> Iterator[Destination]:
    for binding in scope.mesh.gateways.of(server):
        rules = map(scope.settled, binding.rules)
        yield from targets(rules, map(scope.settled_connection, binding.connections))


def _gateways(scope: Scope, workload: Workload) -> Iterator[Listening]:
    for server in _servers(scope, workload):
        for binding in scope.mesh.gateways.of(server):
            routes = (
                *(_route(scope.settled(rule)) for rule in binding.rules),
                *(_connection(scope.settled_connection(rule)) for rule in binding.connections),
            )
            yield Listening(str(server.gateway), server.name, server.port, server.protocol.value, binding.host or "*", routes)

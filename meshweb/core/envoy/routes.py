"""Route configurations: one per service port, one virtual host each; in mode proxy one with a virtual host per service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meshweb.core import names
from meshweb.core.envoy import route_action, route_filters
from meshweb.core.envoy.header_changes import header_changes
from meshweb.core.envoy.route_action import Listening
from meshweb.core.envoy.route_match import route_match
from meshweb.core.envoy.values import Json, duration, serialized
from meshweb.core.ir.routing import RouteRule, VirtualService
from meshweb.core.snapshot import XdsResource
from meshweb.protos import message

_ROUTE_CONFIGURATION = "envoy.config.route.v3.RouteConfiguration"
_VIRTUAL_HOST = "envoy.config.route.v3.VirtualHost"

Hosts = tuple[tuple[VirtualService, tuple[str, ...]], ...]
"""Services with the domains by which they are called."""


def route_configuration(service: VirtualService, dns_suffix: str) -> XdsResource:
    """RouteConfiguration of one service port: whatever the Host header says, the caller has chosen the service by address. Of a
    wildcard host any name below it, which alone says where to."""
    name = names.outbound(service.port, dns_suffix)
    pattern = service.port.service.name
    domains = (pattern, f"{pattern}:{service.port.port}") if pattern.startswith("*.") else ("*",)
    return configuration(name, [virtual_host(service, domains, dns_suffix)])


def proxy_route_configuration(services: Hosts, dns_suffix: str, *, others: str) -> XdsResource:
    """RouteConfiguration of the listener of mode proxy: the service is chosen by the Host header. others: the cluster that takes
    calls to hosts that no document names; empty: they are answered with 404."""
    hosts = [virtual_host(service, domains, dns_suffix) for service, domains in services]
    if others:
        hosts.append(_anything(others))
    return configuration(names.PROXY_LISTENER, hosts)


def configuration(name: str, virtual_hosts: list[Any], *, ignore_port: bool = False, said: Sequence[Json] = ()) -> XdsResource:
    """said: headers that stand in every request, whatever routes and clients write."""
    fields: Json = {
        "name": name,
        "virtual_hosts": virtual_hosts,
        "ignore_port_in_host_matching": ignore_port,
        "request_headers_to_add": list(said),
        # Route targets may be on their way; an unknown cluster is answered per route, not by refusing all routes.
        "validate_clusters": {"value": False},
    }
    return XdsResource.of(name, serialized(message(_ROUTE_CONFIGURATION)(**fields)))


def virtual_host(service: VirtualService, domains: tuple[str, ...], dns_suffix: str) -> Any:
    """VirtualHost whose virtual cluster `all` counts what its callers experienced (statistics per edge)."""
    operation = f"{names.service_host(service.port.service, dns_suffix)}:{service.port.port}/*"
    return message(_VIRTUAL_HOST)(
        name=names.outbound_stat(service.port),
        domains=list(domains),
        routes=_routes(service, operation, dns_suffix),
        virtual_clusters=[{"name": "all", "headers": [{"name": ":path", "present_match": True}]}],
        include_request_attempt_count=True,
    )


def _routes(service: VirtualService, operation: str, dns_suffix: str) -> list[Json]:
    """Of a port that is certainly not HTTP only CONNECT can make use, in mode proxy: a tunnel to the backends."""
    if service.protocol.may_be_http:
        listening = Listening(service.port.port)
        return [route(rule, operation, listening, dns_suffix) for rule in service.routes]
    rule = next((rule for rule in service.connections if not rule.server_names), None)
    if rule is None:
        return []
    tunnel = {"upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}], "timeout": duration(0)}
    targets = route_action.targets(rule.backends, dns_suffix)
    return [{"match": {"connect_matcher": {}}, "route": {**tunnel, **targets}, "decorator": {"operation": operation}}]


def route(rule: RouteRule, operation: str, listening: Listening, dns_suffix: str) -> Json:
    """Route. `operation`: name of its spans."""
    found: Json = {
        "match": route_match(rule.match),
        "decorator": {"operation": operation},
        **header_changes(rule.request_headers, rule.response_headers),
        **route_action.action(rule, listening, dns_suffix),
    }
    if rule.origin is not None:
        name = f"{rule.origin.document.namespace}/{rule.origin.document.name}"
        found["name"] = f"{name}#{rule.name}" if rule.name else name
    if rule.stat:
        found["stat_prefix"] = rule.stat
    filters = route_filters.per_route(rule)
    if filters:
        found["typed_per_filter_config"] = filters
    return found


def _anything(cluster: str) -> Any:
    to = {"cluster": cluster, "timeout": duration(0)}
    tunnel = {**to, "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}]}
    routes = [{"match": {"connect_matcher": {}}, "route": tunnel}, {"match": {"prefix": "/"}, "route": to}]
    return message(_VIRTUAL_HOST)(name="passthrough", domains=["*"], routes=routes)

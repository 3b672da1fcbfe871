"""Route configurations of gateways: a virtual host per host name."""

from __future__ import annotations

from dataclasses import dataclass

from meshweb.core.envoy.ambiguous import AMBIGUOUS
from meshweb.core.envoy.filter_chain import authorization
from meshweb.core.envoy.rate_limits import limited
from meshweb.core.envoy.rbac import RbacRules, rules_for
from meshweb.core.envoy.rbac_remote import SAID
from meshweb.core.envoy.route_action import Listening
from meshweb.core.envoy.routes import configuration, route
from meshweb.core.envoy.values import Json
from meshweb.core.ir.rate_limits import RateLimit
from meshweb.core.ir.routing import RouteRule
from meshweb.core.ir.security import Policy
from meshweb.core.snapshot import XdsResource
from meshweb.protos import message

_EVERY: Json = {"prefix": "/"}
_NOT_FOUND: Json = {"match": _EVERY, "direct_response": {"status": 404}}
"""Policies come with routes: a request that no route takes would be denied by the filters themselves."""
_TO_HTTPS: Json = {"match": _EVERY, "redirect": {"https_redirect": True}}


@dataclass(frozen=True, slots=True)
class GatewayHost:
    """`host`: a name, `*.suffix` or `*`. https_only: plain requests are redirected. guard: index of the policies that hold where no
    rule takes a request; each rule comes with its own."""

    host: str
    rules: tuple[tuple[RouteRule, int], ...]
    https_only: bool
    limit: RateLimit | None
    guard: int


@dataclass(frozen=True, slots=True)
class GatewayRoutes:
    """guards: the sets of policies that hold somewhere."""

    name: str
    port: int
    tls: bool
    hosts: tuple[GatewayHost, ...]
    guards: tuple[tuple[Policy, ...], ...]
    trust_domain: str
    dns_suffix: str


def gateway_route_configuration(spec: GatewayRoutes) -> XdsResource:
    """Hosts are compared without port, trailing dot and case. What no host and no route is for is answered with 404, to those whom
    the policies admit."""
    guards = [rules_for(policies, http=True, trust_domain=spec.trust_domain, gateways=None) for policies in spec.guards]
    hosts = []
    for item in sorted(spec.hosts, key=lambda item: item.host == "*"):
        routes = [_route(spec, item, rule, guards[guard] if guard != item.guard else None) for rule, guard in item.rules]
        fields: Json = {
            "name": f"{item.host}:{spec.port}",
            "domains": ["*"] if item.host == "*" else [item.host, f"{item.host}."],
            "routes": [_TO_HTTPS] if item.https_only else [AMBIGUOUS, *routes, _NOT_FOUND],
            **limited(item.limit, authorization(guards[item.guard])),
            "include_request_attempt_count": True,
        }
        hosts.append(message("envoy.config.route.v3.VirtualHost")(**fields))
    return configuration(spec.name, hosts, ignore_port=True, said=[SAID])


def _route(spec: GatewayRoutes, host: GatewayHost, rule: RouteRule, guard: RbacRules | None) -> Json:
    """guard: in place of the host's. Envoy takes the nearest configuration of a filter, and no other."""
    found = route(rule, f"{host.host}:{spec.port}/*", Listening(spec.port, spec.tls), spec.dns_suffix)
    if guard is not None:
        found["typed_per_filter_config"] = {**found.get("typed_per_filter_config", {}), **authorization(guard, whole=True)}
    return found

"""Route configurations of gateways: a virtual host per host name."""

from __future__ import annotations

from dataclasses import dataclass

from meshweb.core.envoy.filter_chain import authorization
from meshweb.core.envoy.rbac import rules_for
from meshweb.core.envoy.route_action import Listening
from meshweb.core.envoy.routes import configuration, route
from meshweb.core.envoy.values import Json
from meshweb.core.ir.routing import RouteRule
from meshweb.core.ir.security import Policy
from meshweb.core.snapshot import XdsResource
from meshweb.protos import message

_ALL = 2  # VirtualHost.TlsRequirementType


@dataclass(frozen=True, slots=True)
class GatewayHost:
    """`host`: a name, `*.suffix` or `*`. https_only: plain requests are redirected."""

    host: str
    rules: tuple[RouteRule, ...]
    https_only: bool


@dataclass(frozen=True, slots=True)
class GatewayRoutes:
    name: str
    port: int
    tls: bool
    hosts: tuple[GatewayHost, ...]
    policies: tuple[Policy, ...]
    trust_domain: str
    dns_suffix: str


def gateway_route_configuration(spec: GatewayRoutes) -> XdsResource:
    """Hosts are compared without port, trailing dot and case."""
    rbac = authorization(rules_for(spec.policies, http=True, trust_domain=spec.trust_domain))
    listening = Listening(spec.port, spec.tls)
    hosts = []
    for item in spec.hosts:
        fields: Json = {
            "name": f"{item.host}:{spec.port}",
            "domains": ["*"] if item.host == "*" else [item.host, f"{item.host}."],
            "routes": [route(rule, f"{item.host}:{spec.port}/*", listening, spec.dns_suffix) for rule in item.rules],
            "typed_per_filter_config": rbac,
            "include_request_attempt_count": True,
        }
        if item.https_only:
            fields["require_tls"] = _ALL
        hosts.append(message("envoy.config.route.v3.VirtualHost")(**fields))
    return configuration(spec.name, hosts, ignore_port=True)

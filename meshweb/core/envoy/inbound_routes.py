"""What a sidecar does with requests for its application: one route to it, and who may take it."""

from __future__ import annotations

from meshweb.core import names
from meshweb.core.envoy.ambiguous import AMBIGUOUS
from meshweb.core.envoy.filter_chain import authorization
from meshweb.core.envoy.rate_limits import limited
from meshweb.core.envoy.rbac import requiring_mtls, rules_for
from meshweb.core.envoy.rbac_remote import HEADER as REMOTE_ADDRESS
from meshweb.core.envoy.values import Json, duration, serialized
from meshweb.core.ir.inbound import InboundPort
from meshweb.core.ir.security import MtlsMode
from meshweb.core.snapshot import XdsResource
from meshweb.protos import message


def inbound_route_configuration(port: InboundPort, trust_domain: str) -> XdsResource:
    """RouteConfiguration of an HTTP port, with the AuthorizationPolicies of the workload on its one virtual host."""
    route: Json = {
        "match": {"prefix": "/"},
        "route": {"cluster": names.inbound_cluster(port.number), "timeout": duration(0)},
        "decorator": {"operation": f"inbound:{port.number}/*"},
        "request_headers_to_remove": [REMOTE_ADDRESS],
    }
    rbac = rules_for(port.policies, http=True, trust_domain=trust_domain, gateways=port.gateways)
    if port.mtls is MtlsMode.STRICT:
        rbac = requiring_mtls(rbac)
    host: Json = {
        "name": f"inbound~{port.number}",
        "domains": ["*"],
        "routes": [AMBIGUOUS, route],
        **limited(port.limit, authorization(rbac)),
    }
    name = names.inbound_listener(port.number)
    return XdsResource.of(
        name, serialized(message("envoy.config.route.v3.RouteConfiguration")(name=name, virtual_hosts=[host]))
    )

"""MeshConfig sets the defaults that later phases read."""

from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.intent import Document
from meshweb.core.ir.security import PolicyAction
from meshweb.kinds.durations import milliseconds
from meshweb.kinds.mesh_config.providers import extension_provider
from meshweb.kinds.mesh_config.spec import MeshConfigSpec


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = document.spec
    assert isinstance(spec, MeshConfigSpec)
    mesh.mtls.default = spec.default_mtls_mode
    mesh.default_authorization = spec.default_authorization
    mesh.denial_header = spec.denial_header
    mesh.connect_timeout_ms = milliseconds(spec.connect_timeout)
    mesh.detection_timeout_ms = milliseconds(spec.protocol_detection_timeout)
    mesh.outbound_policy = spec.outbound_traffic_policy.mode
    mesh.trusted_proxies = spec.gateway_topology.num_trusted_proxies
    mesh.extension_providers |= {provider.name: extension_provider(provider) for provider in spec.extension_providers}
    mesh.report(document, Condition.accepted())


def fail_closed(mesh: MeshBuilder, _document: Document) -> None:
    """It may have said DENY; until it can be read again nobody is admitted whom no policy names."""
    mesh.default_authorization = PolicyAction.DENY

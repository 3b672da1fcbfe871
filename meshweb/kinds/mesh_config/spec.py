"""MeshConfig: only what no document of the field has a place for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from meshweb.core.errors import Violation, under
from meshweb.core.ir.security import MtlsMode, PolicyAction
from meshweb.core.ir.sidecars import OutboundPolicy
from meshweb.kinds.base import Metadata, SpecModel
from meshweb.kinds.durations import Duration, milliseconds
from meshweb.kinds.mesh_config.providers import MAX_PROVIDERS, ProviderSpec, provider_violations

DefaultAuthorization = Literal[PolicyAction.ALLOW, PolicyAction.DENY]


class OutboundTrafficPolicy(SpecModel):
    """What becomes of calls to hosts that no document names; a Sidecar may say otherwise. Istio's default is ALLOW_ANY."""

    mode: OutboundPolicy = OutboundPolicy.REGISTRY_ONLY


class GatewayTopology(SpecModel):
    """numTrustedProxies: how many proxies of one's own stand in front of every gateway; so many of the last addresses in X-Forwarded-For
    are believed."""

    num_trusted_proxies: Annotated[int, Field(ge=0, le=16)] = 0


class MeshConfigSpec(SpecModel):
    """defaultMtlsMode: where no PeerAuthentication says otherwise. defaultAuthorization: what becomes of calls to workloads before which
    no ALLOW policy stands: ALLOW (Istio's), or DENY, gateways included. denialHeader: who is denied by a workload of its own namespace
    is told by what, in the response header x-meshweb-denied-by. connectTimeout: TCP connect to another workload (Istio: 10s).
    protocolDetectionTimeout: how long a proxy waits for the first bytes where they tell what is spoken. extensionProviders: whom
    AuthorizationPolicies with action CUSTOM ask."""

    default_mtls_mode: Literal[MtlsMode.STRICT, MtlsMode.PERMISSIVE] = MtlsMode.STRICT
    default_authorization: DefaultAuthorization = PolicyAction.ALLOW
    denial_header: bool = False
    connect_timeout: Duration = "10s"
    protocol_detection_timeout: Duration = "1s"
    outbound_traffic_policy: OutboundTrafficPolicy = Field(default_factory=OutboundTrafficPolicy)
    gateway_topology: GatewayTopology = Field(default_factory=GatewayTopology)
    extension_providers: Annotated[tuple[ProviderSpec, ...], Field(max_length=MAX_PROVIDERS)] = ()


def check(metadata: Metadata, spec: SpecModel) -> Iterable[Violation]:
    assert isinstance(spec, MeshConfigSpec)
    if metadata.name != "default":
        yield Violation("/metadata/name", "singleton", "there is one MeshConfig, named default")
    for name, value in (
        ("connectTimeout", spec.connect_timeout),
        ("protocolDetectionTimeout", spec.protocol_detection_timeout),
    ):
        if milliseconds(value) == 0:
            yield Violation(f"/spec/{name}", "greater_than", "must be more than 0")
    yield from under(("spec", "extensionProviders"), provider_violations(spec.extension_providers))

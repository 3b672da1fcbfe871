"""Gateway (Gateway API v1 reference, "Gateway").

Without `infrastructure` (nothing is made for a Gateway: its proxies join as any other), `tls.backend`, `allowedListeners` and
`defaultScope`, which are refused at their place.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from meshweb.kinds.base import DnsLabel, LabelKey, Labels, LabelValue, PortNumber, SpecModel
from meshweb.kinds.common.gateway_api import Hostname, SectionName


class SecretRef(SpecModel):
    group: Literal[""] = ""
    kind: Literal["Secret"] = "Secret"
    namespace: DnsLabel | None = None
    name: DnsLabel


class ClientValidation(SpecModel):
    """The Secret whose `ca.crt` the client's certificate is verified against (there is no ConfigMap in this mesh; several authorities go
    into one). Without AllowInsecureFallback: a certificate that cannot be verified is worth nothing here."""

    ca_certificate_refs: Annotated[tuple[SecretRef, ...], Field(min_length=1, max_length=1)]
    mode: Literal["AllowValidOnly"] = "AllowValidOnly"


class ListenerTls(SpecModel):
    """`frontendValidation` is where Gateway API up to 1.3 had what now is `spec.tls.frontend`."""

    mode: Literal["Terminate", "Passthrough"] = "Terminate"
    certificate_refs: Annotated[tuple[SecretRef, ...], Field(max_length=64)] = ()
    options: Annotated[dict[str, str], Field(max_length=16)] = Field(default_factory=dict)
    frontend_validation: ClientValidation | None = None


class Requirement(SpecModel):
    key: LabelKey
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: Annotated[tuple[LabelValue, ...], Field(max_length=64)] = ()


class NamespaceSelector(SpecModel):
    match_labels: Labels = Field(default_factory=dict)
    match_expressions: Annotated[tuple[Requirement, ...], Field(max_length=64)] = ()


class RouteNamespaces(SpecModel):
    from_: Literal["Same", "All", "Selector"] = Field(default="Same", alias="from")
    selector: NamespaceSelector | None = None


class RouteKind(SpecModel):
    group: Literal["gateway.networking.k8s.io"] = "gateway.networking.k8s.io"
    kind: Literal["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"]


class AllowedRoutes(SpecModel):
    """No `kinds`: every kind that fits the protocol."""

    namespaces: RouteNamespaces = Field(default_factory=RouteNamespaces)
    kinds: Annotated[tuple[RouteKind, ...], Field(max_length=8)] = ()


class Listener(SpecModel):
    name: SectionName
    hostname: Hostname | None = None
    port: PortNumber
    protocol: Literal["HTTP", "HTTPS", "TLS", "TCP"]
    tls: ListenerTls | None = None
    allowed_routes: AllowedRoutes = Field(default_factory=AllowedRoutes)


class ClientTls(SpecModel):
    validation: ClientValidation | None = None


class PortTls(SpecModel):
    port: PortNumber
    tls: ClientTls


class FrontendTls(SpecModel):
    """What HTTPS listeners ask of clients: `perPort` instead of `default` where the port is named."""

    default: ClientTls
    per_port: Annotated[tuple[PortTls, ...], Field(max_length=64)] = ()


class GatewayTls(SpecModel):
    frontend: FrontendTls | None = None


class Address(SpecModel):
    type: Annotated[str, Field(max_length=253)] = "IPAddress"
    value: Annotated[str, Field(max_length=253)] = ""


class GatewaySpec(SpecModel):
    gateway_class_name: Literal["meshweb"]
    listeners: Annotated[tuple[Listener, ...], Field(min_length=1, max_length=64)]
    addresses: Annotated[tuple[Address, ...], Field(max_length=16)] = ()
    tls: GatewayTls | None = None

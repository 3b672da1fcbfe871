"""DestinationRule (Istio reference, "Destination Rule")."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from meshweb.kinds.base import DnsLabel, Labels, PortNumber, SpecModel
from meshweb.kinds.common.istio import ExportTo, Host, HostOrAddress, PortSelector, PositiveDuration, SafePath, Unsigned
from meshweb.kinds.common.istio_traffic import ConnectionPool
from meshweb.kinds.destination_rule.load_balancer import LoadBalancer

Percentage = Annotated[int, Field(ge=0, le=100)]
AltName = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[\x21-\x7e]+$")]


class OutlierDetection(SpecModel):
    """`consecutiveErrors` is the deprecated spelling of `consecutiveGatewayErrors`. consecutive5xxErrors 0: off."""

    consecutive5xx_errors: Unsigned | None = Field(default=None, alias="consecutive5xxErrors")
    consecutive_gateway_errors: Unsigned | None = None
    consecutive_errors: Unsigned | None = None
    split_external_local_origin_errors: bool | None = None
    consecutive_local_origin_failures: Unsigned | None = None
    interval: PositiveDuration | None = None
    base_ejection_time: PositiveDuration | None = None
    max_ejection_percent: Percentage | None = None
    min_health_percent: Percentage | None = None
    outlier_detection_http_error_codes: Annotated[tuple[Annotated[int, Field(ge=100, le=599)], ...], Field(max_length=500)] = ()


class ClientTls(SpecModel):
    """Paths are on the machine of the calling proxy. `credentialName` names a Secret."""

    mode: Literal["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"] = "DISABLE"
    client_certificate: SafePath | None = None
    private_key: SafePath | None = None
    ca_certificates: SafePath | None = None
    ca_crl: SafePath | None = None
    credential_name: DnsLabel | None = None
    subject_alt_names: Annotated[tuple[AltName, ...], Field(max_length=256)] = ()
    sni: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9._-]+$")] | None = None
    insecure_skip_verify: bool | None = None


class Tunnel(SpecModel):
    """TCP of this destination goes through an HTTP CONNECT or POST to the destination, which is a proxy, on to the target."""

    protocol: Literal["CONNECT", "POST"] = "CONNECT"
    target_host: HostOrAddress
    target_port: PortNumber


class ProxyProtocol(SpecModel):
    version: Literal["V1", "V2"] = "V1"


class RetryBudget(SpecModel):
    """Retries at any time: at most this share of active requests, but always as many as minRetryConcurrency."""

    percent: Annotated[float, Field(ge=0, le=100)] = 20.0
    min_retry_concurrency: Unsigned = 3


class PortPolicy(SpecModel):
    """What a port leaves out has its default: nothing is taken over from the policy around it."""

    load_balancer: LoadBalancer | None = None
    connection_pool: ConnectionPool | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTls | None = None


class PortLevelPolicy(PortPolicy):
    port: PortSelector


class TrafficPolicy(PortPolicy):
    port_level_settings: Annotated[tuple[PortLevelPolicy, ...], Field(max_length=256)] = ()
    tunnel: Tunnel | None = None
    proxy_protocol: ProxyProtocol | None = None
    retry_budget: RetryBudget | None = None


class Subset(SpecModel):
    """Endpoints that carry all the labels. Its policy replaces the rule's field by field, for calls to the subset alone."""

    name: DnsLabel
    labels: Labels = Field(default_factory=dict)
    traffic_policy: TrafficPolicy | None = None


class CallerSelector(SpecModel):
    match_labels: Labels = Field(default_factory=dict)


class DestinationRuleSpec(SpecModel):
    """`workloadSelector`: only these callers, of this namespace."""

    host: Host
    traffic_policy: TrafficPolicy | None = None
    subsets: Annotated[tuple[Subset, ...], Field(max_length=256)] = ()
    export_to: ExportTo = ()
    workload_selector: CallerSelector | None = None

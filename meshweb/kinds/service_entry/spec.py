"""ServiceEntry (Istio reference, "Service Entry"). Without `network`: there is one network, and addresses are reached directly."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from meshweb.kinds.base import DnsLabel, Labels, PortNumber, SpecModel
from meshweb.kinds.common.istio import ExportTo, Locality, Network, PortProtocol, SomeHost, WorkloadSelector

AltName = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[\x21-\x7e]+$")]


class ServicePort(SpecModel):
    """No protocol: read from the name (`http-web`), else TCP. No targetPort: the same number."""

    number: PortNumber
    name: DnsLabel
    protocol: PortProtocol | None = None
    target_port: PortNumber | None = None


class Endpoint(SpecModel):
    """As a WorkloadEntry. `ports`: name of the service's port -> port here. Address: an IP address, or a name where DNS resolves."""

    address: Annotated[str, Field(min_length=1, max_length=255)]
    ports: Annotated[dict[DnsLabel, PortNumber], Field(max_length=64)] = Field(default_factory=dict)
    labels: Labels = Field(default_factory=dict)
    locality: Locality | None = None
    weight: Annotated[int, Field(ge=1, le=100_000)] = 1
    service_account: DnsLabel | None = None


class ServiceEntrySpec(SpecModel):
    """MESH_EXTERNAL is called without mTLS, MESH_INTERNAL with it."""

    hosts: Annotated[tuple[SomeHost, ...], Field(min_length=1, max_length=256)]
    addresses: Annotated[tuple[Network, ...], Field(max_length=256)] = ()
    ports: Annotated[tuple[ServicePort, ...], Field(min_length=1, max_length=256)]
    location: Literal["MESH_EXTERNAL", "MESH_INTERNAL"] = "MESH_EXTERNAL"
    resolution: Literal["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"] = "NONE"
    endpoints: Annotated[tuple[Endpoint, ...], Field(max_length=4096)] = ()
    workload_selector: WorkloadSelector | None = None
    export_to: ExportTo = ()
    subject_alt_names: Annotated[tuple[AltName, ...], Field(max_length=256)] = ()

"""WorkloadEntry (Istio reference, "WorkloadEntry"). Addresses are IP addresses: nothing here resolves names."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from meshweb.core.errors import Violation
from meshweb.kinds.base import DnsLabel, Labels, Metadata, PortNumber, SpecModel

UPSTREAMS_ANNOTATION = "meshweb.io/upstreams"
"""Comma-separated services ("name" or "namespace/name") that this workload calls. Set: its proxy receives only these."""


class WorkloadEntrySpec(SpecModel):
    address: Annotated[str, Field(max_length=45)]
    ports: dict[DnsLabel, PortNumber] = Field(default_factory=dict)
    labels: Labels = Field(default_factory=dict)
    service_account: DnsLabel = "default"
    locality: Annotated[str, Field(max_length=190, pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}$")] | None = None
    weight: Annotated[int, Field(ge=1, le=100_000)] = 1


def check(metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, WorkloadEntrySpec)
    try:
        address = ipaddress.ip_address(spec.address)
    except ValueError:
        yield Violation("/spec/address", "ip_address", "must be an IPv4 or IPv6 address")
        return
    if address.is_unspecified or address.is_multicast:
        yield Violation("/spec/address", "ip_address", "must be the address of one machine")
    if "%" in spec.address:
        yield Violation("/spec/address", "ip_address", "must not carry a zone")

"""ReferenceGrant (Gateway API reference, "ReferenceGrant"): documents of other namespaces may refer to what is in this one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from meshweb.kinds.base import DnsLabel, SpecModel


class GrantFrom(SpecModel):
    group: Literal["gateway.networking.k8s.io"]
    kind: Literal["Gateway", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"]
    namespace: DnsLabel


class GrantTo(SpecModel):
    """No name: every one of the kind."""

    group: Literal[""]
    kind: Literal["Service", "Secret"]
    name: DnsLabel | None = None


class ReferenceGrantSpec(SpecModel):
    """Each of `from` may refer to each of `to`."""

    from_: Annotated[tuple[GrantFrom, ...], Field(min_length=1, max_length=16)] = Field(alias="from")
    to: Annotated[tuple[GrantTo, ...], Field(min_length=1, max_length=16)]

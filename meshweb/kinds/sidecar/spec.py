"""Sidecar (Istio reference, "Sidecar"): what the proxies of a namespace accept and reach.

Without captureMode IPTABLES and `bind`: how traffic reaches a proxy, and where, is the choice of its machine. Without `tls` of an ingress
listener: callers inside the mesh come with its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from meshweb.core.errors import Violation, pointer, under
from meshweb.kinds.base import Metadata, PortNumber, SpecModel
from meshweb.kinds.common.istio import Destination, PortProtocol, WorkloadSelector, is_host, unique
from meshweb.kinds.common.istio_traffic import ConnectionPool, connection_pool

_NAMESPACE = re.compile(r"\.|\*|~|~?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_ENDPOINT = re.compile(r"(127\.0\.0\.1|0\.0\.0\.0|\[::1\]|\[::\]):([0-9]{1,5})")


def _egress_host(text: str) -> str:
    namespace, slash, host = text.partition("/")
    if not slash or _NAMESPACE.fullmatch(namespace) is None or not is_host(host):
        words = (
            "must be namespace/dnsName; namespace: a name, '.' (this one), '*' (all), '~' (none) or '~name' (all but that); "
            "dnsName: a name, '*.suffix' or '*'"
        )
        raise PydanticCustomError("host", "{words}", {"words": words})
    return text


def _endpoint(text: str) -> str:
    found = _ENDPOINT.fullmatch(text)
    if found is None or not 1 <= int(found[2]) <= 65535:
        raise PydanticCustomError("endpoint", "must be 127.0.0.1:PORT, [::1]:PORT, 0.0.0.0:PORT or [::]:PORT")
    return text


EgressHost = Annotated[str, Field(max_length=320), AfterValidator(_egress_host)]
LocalEndpoint = Annotated[str, Field(max_length=32), AfterValidator(_endpoint)]


class SidecarPort(SpecModel):
    number: PortNumber
    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")]
    protocol: PortProtocol


class Ingress(SpecModel):
    """No defaultEndpoint: the same port of the application."""

    port: SidecarPort
    capture_mode: Literal["DEFAULT", "NONE"] = "DEFAULT"
    default_endpoint: LocalEndpoint | None = None
    connection_pool: ConnectionPool | None = None


class Egress(SpecModel):
    port: SidecarPort | None = None
    capture_mode: Literal["DEFAULT", "NONE"] = "DEFAULT"
    hosts: Annotated[tuple[EgressHost, ...], Field(min_length=1, max_length=1024)]


class OutboundTrafficPolicy(SpecModel):
    """Calls to what the mesh does not know. `egressProxy`: the service that takes them in mode ALLOW_ANY."""

    mode: Literal["REGISTRY_ONLY", "ALLOW_ANY"] = "REGISTRY_ONLY"
    egress_proxy: Destination | None = None


class SidecarSpec(SpecModel):
    """No workloadSelector: every proxy of the namespace. What is left out is as without this document."""

    workload_selector: WorkloadSelector | None = None
    ingress: Annotated[tuple[Ingress, ...], Field(max_length=64)] = ()
    egress: Annotated[tuple[Egress, ...], Field(max_length=64)] = ()
    inbound_connection_pool: ConnectionPool | None = None
    outbound_traffic_policy: OutboundTrafficPolicy | None = None


def check(_metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, SidecarSpec)
    if spec.workload_selector is not None and not spec.workload_selector.labels:
        words = "must name a label; leave workloadSelector out to cover the namespace"
        yield Violation("/spec/workloadSelector/labels", "required", words)
    for index, item in enumerate(spec.ingress):
        yield from under(("spec", "ingress", index), _ingress(item))
    yield from under(("spec", "ingress"), _ports([item.port for item in spec.ingress]))
    yield from under(("spec", "egress"), _egress(spec.egress))
    if spec.inbound_connection_pool is not None:
        yield from under(("spec", "inboundConnectionPool"), connection_pool(spec.inbound_connection_pool))
    policy = spec.outbound_traffic_policy
    if policy is not None and policy.egress_proxy is not None and policy.mode != "ALLOW_ANY":
        at = "/spec/outboundTrafficPolicy/egressProxy"
        yield Violation(at, "conflict", "must not be set unless mode is ALLOW_ANY: nothing would be sent there")


def _ingress(item: Ingress) -> Iterator[Violation]:
    if item.connection_pool is not None:
        yield from under(("connectionPool",), connection_pool(item.connection_pool))


def _egress(items: Sequence[Egress]) -> Iterator[Violation]:
    for index, item in enumerate(items):
        yield from under((index,), unique("hosts", item.hosts))
        if item.port is None and index < len(items) - 1:
            words = "must be set: only the last may be without, which takes what the others leave"
            yield Violation(pointer(index, "port"), "required", words)
    seen: set[int] = set()
    for index, item in enumerate(items):
        if item.port is not None:
            if item.port.number in seen:
                yield Violation(pointer(index, "port", "number"), "duplicate", f"port {item.port.number} is given twice")
            seen.add(item.port.number)


def _ports(ports: Sequence[SidecarPort]) -> Iterator[Violation]:
    seen: set[int] = set()
    for index, port in enumerate(ports):
        if port.number in seen:
            yield Violation(pointer(index, "port", "number"), "duplicate", f"port {port.number} is given twice")
        seen.add(port.number)

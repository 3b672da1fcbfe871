"""What the types of ServiceEntry cannot say (Istio's own validation)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from meshweb.core.errors import Violation, pointer, under
from meshweb.kinds.base import Metadata
from meshweb.kinds.common.http import is_ip_address
from meshweb.kinds.common.istio import export_to, is_host, unique
from meshweb.kinds.service_entry.spec import ServiceEntrySpec

_DNS = ("DNS", "DNS_ROUND_ROBIN")


def check(_metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, ServiceEntrySpec)
    parts = (
        _hosts(spec),
        unique("addresses", spec.addresses),
        _ports(spec),
        _resolution(spec),
        _endpoints(spec),
        _selector(spec),
    )
    for part in parts:
        yield from under(("spec",), part)
    yield from under(("spec", "exportTo"), export_to(spec.export_to))


def _hosts(spec: ServiceEntrySpec) -> Iterator[Violation]:
    yield from unique("hosts", spec.hosts)
    for index, host in enumerate(spec.hosts):
        if is_ip_address(host):
            yield Violation(pointer("hosts", index), "host", "must be a DNS name; put addresses into addresses")
        elif "." not in host:
            words = "must have a dot: a name of one label would be taken for a Service of the caller's namespace"
            yield Violation(pointer("hosts", index), "host", words)


def _ports(spec: ServiceEntrySpec) -> Iterator[Violation]:
    for field, values in (("number", [p.number for p in spec.ports]), ("name", [p.name for p in spec.ports])):
        for index, value in enumerate(values):
            if value in values[:index]:
                yield Violation(pointer("ports", index, field), "duplicate", f"{value} is given twice")
        if spec.resolution == "NONE" and field == "number":
            for index, port in enumerate(spec.ports):
                if port.target_port not in {None, port.number}:
                    words = "must be the port's own number with resolution NONE: calls go where the caller sent them"
                    yield Violation(pointer("ports", index, "targetPort"), "conflict", words)


def _resolution(spec: ServiceEntrySpec) -> Iterator[Violation]:
    if spec.endpoints and spec.workload_selector is not None:
        yield Violation("/workloadSelector", "one_of", "set endpoints or workloadSelector, not both")
    if spec.resolution in {"NONE", "DYNAMIC_DNS"}:
        for field, given in (("endpoints", spec.endpoints), ("workloadSelector", spec.workload_selector)):
            if given:
                words = f"must not be set with resolution {spec.resolution}: the caller decides where its call goes"
                yield Violation(f"/{field}", "conflict", words)
    if spec.resolution == "STATIC" and not spec.endpoints and spec.workload_selector is None:
        yield Violation("/endpoints", "required", "must be set with resolution STATIC, or workloadSelector instead")
    if spec.resolution in _DNS and spec.workload_selector is not None:
        words = f"must not be set with resolution {spec.resolution}: workloads have addresses, use STATIC"
        yield Violation("/workloadSelector", "conflict", words)
    if spec.resolution in _DNS and not spec.endpoints and any(host.startswith("*") for host in spec.hosts):
        words = f"must be set with resolution {spec.resolution} and a wildcard host, which itself cannot be looked up"
        yield Violation("/endpoints", "required", words)
    if spec.resolution == "DNS_ROUND_ROBIN" and len(spec.endpoints) > 1:
        yield Violation("/endpoints", "range", "may have one endpoint with resolution DNS_ROUND_ROBIN")
    if spec.resolution == "DYNAMIC_DNS":
        for index, port in enumerate(spec.ports):
            if port.protocol in {"TCP", "MONGO"}:
                at = pointer("ports", index, "protocol")
                yield Violation(at, "conflict", "must carry the name of the host (HTTP or TLS) with resolution DYNAMIC_DNS")
    if spec.resolution not in {"NONE", "STATIC"}:
        for index, address in enumerate(spec.addresses):
            if "/" in address:
                yield Violation(
                    pointer("addresses", index), "conflict", "may be a CIDR block with resolution NONE or STATIC only"
                )


def _endpoints(spec: ServiceEntrySpec) -> Iterator[Violation]:
    names = {port.name for port in spec.ports}
    for index, endpoint in enumerate(spec.endpoints):
        at = pointer("endpoints", index, "address")
        if not is_ip_address(endpoint.address):
            if spec.resolution not in _DNS:
                yield Violation(at, "ip_address", "must be an IP address, unless resolution is DNS or DNS_ROUND_ROBIN")
            elif not is_host(endpoint.address) or endpoint.address.startswith("*"):
                yield Violation(at, "host", "must be an IP address or a DNS name in lower case")
        for name in endpoint.ports:
            if name not in names:
                words = f"the entry has no port {name!r}"
                yield Violation(pointer("endpoints", index, "ports", name), "unknown_port", words)


def _selector(spec: ServiceEntrySpec) -> Iterator[Violation]:
    if spec.workload_selector is not None and not spec.workload_selector.labels:
        yield Violation(
            "/workloadSelector/labels", "required", "must name a label: none would select every workload of the namespace"
        )

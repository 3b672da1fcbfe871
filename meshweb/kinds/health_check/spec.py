"""HealthCheck (`meshweb.io/v1`): no document of Istio or Gateway API has a place for active checks. Words are those of Envoy Gateway's
BackendTrafficPolicy (`healthCheck.active`, `panicThreshold`); defaults are those of the probes of a WorkloadGroup."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field

from meshweb.core.errors import Violation, pointer, under
from meshweb.kinds.base import DnsLabel, Metadata, SpecModel
from meshweb.kinds.common.gateway_api import Header, PreciseHostname, SectionName
from meshweb.kinds.common.http import Path, is_reserved_header, path_problem
from meshweb.kinds.durations import Duration, milliseconds

_GROUPS = {"Service": "", "ServiceEntry": "networking.istio.io"}
_LEAST_INTERVAL_MS, _MOST_INTERVAL_MS = 100, 3_600_000
_LEAST_TIMEOUT_MS, _MOST_TIMEOUT_MS = 10, 60_000
Threshold = Annotated[int, Field(ge=1, le=100)]
Status = Annotated[int, Field(ge=100, le=599)]


class TargetRef(SpecModel):
    """A Service (group "") or a ServiceEntry (group networking.istio.io; all its hosts) of this namespace. sectionName: the name of a
    port."""

    group: Literal["", "networking.istio.io"] = ""
    kind: Literal["Service", "ServiceEntry"] = "Service"
    name: DnsLabel
    section_name: SectionName | None = None


class Http(SpecModel):
    """`host` as in the Host header; the service's own name when left out."""

    path: Path = "/"
    method: Literal["GET", "HEAD", "POST", "OPTIONS"] = "GET"
    host: PreciseHostname | None = None
    expected_statuses: Annotated[tuple[Status, ...], Field(min_length=1, max_length=32)] = (200,)
    headers: Annotated[tuple[Header, ...], Field(max_length=16)] = ()


class Payload(SpecModel):
    """One of the two. binary: base64."""

    text: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    binary: Annotated[str, Field(min_length=1, max_length=2048)] | None = None

    def content(self) -> bytes:
        """Raises binascii.Error."""
        return self.text.encode() if self.text is not None else base64.b64decode(self.binary or "", validate=True)


class Tcp(SpecModel):
    """Without `receive` a connection is enough."""

    send: Payload | None = None
    receive: Payload | None = None


class Grpc(SpecModel):
    service: Annotated[str, Field(max_length=256, pattern=r"^[\x21-\x7e]*$")] = ""


class HealthCheckSpec(SpecModel):
    """One of http, tcp and grpc. panicThreshold: percent of healthy endpoints below which all are called."""

    target_refs: Annotated[tuple[TargetRef, ...], Field(min_length=1, max_length=16)]
    http: Http | None = None
    tcp: Tcp | None = None
    grpc: Grpc | None = None
    interval: Duration = "10s"
    timeout: Duration = "1s"
    unhealthy_threshold: Threshold = 3
    healthy_threshold: Threshold = 1
    panic_threshold: Annotated[int, Field(ge=0, le=100)] | None = None


def check(_metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, HealthCheckSpec)
    for index, ref in enumerate(spec.target_refs):
        if ref.group != _GROUPS[ref.kind]:
            words = "must be networking.istio.io for a ServiceEntry and empty for a Service"
            yield Violation(pointer("spec", "targetRefs", index, "group"), "conflict", words)
        if ref in spec.target_refs[:index]:
            yield Violation(pointer("spec", "targetRefs", index), "duplicate", f"{ref.kind} {ref.name} is named twice")
    if sum(kind is not None for kind in (spec.http, spec.tcp, spec.grpc)) != 1:
        yield Violation("/spec", "one_of", "set exactly one of http, tcp and grpc")
    if not _LEAST_INTERVAL_MS <= milliseconds(spec.interval) <= _MOST_INTERVAL_MS:
        yield Violation("/spec/interval", "range", "must be from 100ms to 1h")
    if not _LEAST_TIMEOUT_MS <= milliseconds(spec.timeout) <= _MOST_TIMEOUT_MS:
        yield Violation("/spec/timeout", "range", "must be from 10ms to 1m")
    if spec.http is not None:
        yield from under(("spec", "http"), _http(spec.http))
    if spec.tcp is not None:
        yield from under(("spec", "tcp"), _tcp(spec.tcp))


def _http(http: Http) -> Iterator[Violation]:
    # A query is fine here: nothing is matched, the path is sent.
    path = http.path.partition("?")[0]
    if problem := path_problem(path) or (
        None if http.path.isprintable() and http.path.isascii() else "must be printable ASCII"
    ):
        yield Violation("/path", "path", problem)
    for index, header in enumerate(http.headers):
        if is_reserved_header(header.name):
            yield Violation(pointer("headers", index, "name"), "reserved", f"{header.name} belongs to the proxy")
        if header.name.lower() in {other.name.lower() for other in http.headers[:index]}:
            yield Violation(pointer("headers", index, "name"), "duplicate", f"{header.name} is given twice")
    for index, status in enumerate(http.expected_statuses):
        if status in http.expected_statuses[:index]:
            yield Violation(pointer("expectedStatuses", index), "duplicate", f"{status} is given twice")


def _tcp(tcp: Tcp) -> Iterator[Violation]:
    for name, payload in (("send", tcp.send), ("receive", tcp.receive)):
        if payload is None:
            continue
        if (payload.text is None) == (payload.binary is None):
            yield Violation(pointer(name), "one_of", "set exactly one of text and binary")
            continue
        try:
            payload.content()
        except binascii.Error:
            yield Violation(pointer(name, "binary"), "base64", "is not base64")
    if tcp.send is not None and tcp.receive is None:
        yield Violation("/receive", "required", "must say what comes back; without it nothing is learnt from what is sent")

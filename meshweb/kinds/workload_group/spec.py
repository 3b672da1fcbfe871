"""WorkloadGroup (Istio reference, "WorkloadGroup")."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from meshweb.core.errors import Violation
from meshweb.kinds.base import DnsLabel, Labels, Metadata, PortNumber, SpecModel

Weight = Annotated[int, Field(ge=1, le=100_000)]
Locality = Annotated[str, Field(max_length=190, pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}$")]
PositiveSeconds = Annotated[int, Field(ge=1, le=86_400)]


class HttpHeaderSpec(SpecModel):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$")]
    value: Annotated[str, Field(max_length=4096, pattern=r"^[\t\x20-\x7e]*$")]


class HttpGetSpec(SpecModel):
    path: Annotated[str, Field(pattern=r"^/[\x21-\x7e]*$", max_length=1024)] = "/"
    port: PortNumber
    host: Annotated[str, Field(max_length=253)] | None = None
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    http_headers: tuple[HttpHeaderSpec, ...] = ()


class TcpSocketSpec(SpecModel):
    port: PortNumber
    host: Annotated[str, Field(max_length=253)] | None = None


class GrpcSpec(SpecModel):
    """The gRPC health checking protocol. No service: the server as a whole."""

    port: PortNumber
    service: Annotated[str, Field(max_length=127, pattern=r"^[\x21-\x7e]*$")] = ""


class ExecSpec(SpecModel):
    """Run on the VM, as the agent's user, where its operator allows that. Exit status 0 is healthy."""

    command: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=4096)], ...], Field(min_length=1, max_length=64)]


class ProbeSpec(SpecModel):
    """Defaults are Istio's (ReadinessProbe)."""

    http_get: HttpGetSpec | None = None
    tcp_socket: TcpSocketSpec | None = None
    grpc: GrpcSpec | None = None
    exec: ExecSpec | None = None
    initial_delay_seconds: Annotated[int, Field(ge=0, le=3600)] = 0
    timeout_seconds: PositiveSeconds = 1
    period_seconds: PositiveSeconds = 10
    success_threshold: PositiveSeconds = 1
    failure_threshold: PositiveSeconds = 3


class TemplateMetadata(SpecModel):
    labels: Labels = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class TemplateSpec(SpecModel):
    ports: dict[DnsLabel, PortNumber] = Field(default_factory=dict)
    service_account: DnsLabel = "default"
    locality: Locality | None = None
    weight: Weight = 1


class WorkloadGroupSpec(SpecModel):
    metadata: TemplateMetadata = Field(default_factory=TemplateMetadata)
    template: TemplateSpec
    probe: ProbeSpec | None = None


def check(_metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, WorkloadGroupSpec)
    if spec.probe is None:
        return
    asked = (spec.probe.http_get, spec.probe.tcp_socket, spec.probe.grpc, spec.probe.exec)
    if sum(one is not None for one in asked) != 1:
        yield Violation("/spec/probe", "one_of", "set exactly one of httpGet, tcpSocket, grpc and exec")

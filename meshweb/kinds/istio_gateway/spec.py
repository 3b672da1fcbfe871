"""Gateway of Istio (Istio reference, "Gateway"): what the proxies that it selects listen to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from meshweb.core.errors import Violation, pointer, under
from meshweb.kinds.base import Labels, Metadata, PortNumber, SpecModel
from meshweb.kinds.common.istio import IpAddress, PortProtocol, is_host, unique
from meshweb.kinds.common.istio_tls import ServerTls, server_tls

_NAMESPACE = re.compile(r"\.|\*|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def _gateway_host(text: str) -> str:
    namespace, slash, host = text.rpartition("/")
    if (slash and _NAMESPACE.fullmatch(namespace) is None) or not is_host(host):
        words = (
            "must be a DNS name such as bookinfo.com or *.bookinfo.com, after a namespace and '/' if need be ('.' is this one)"
        )
        raise PydanticCustomError("host", words)
    return text


GatewayHost = Annotated[str, Field(max_length=320), AfterValidator(_gateway_host)]


class ServerPort(SpecModel):
    """`targetPort` is deprecated: the port that the proxy listens to where it is another than callers see."""

    number: PortNumber
    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")]
    protocol: PortProtocol
    target_port: PortNumber | None = None


class Server(SpecModel):
    name: Annotated[str, Field(max_length=253)] | None = None
    port: ServerPort
    bind: IpAddress | None = None
    hosts: Annotated[tuple[GatewayHost, ...], Field(min_length=1, max_length=256)]
    tls: ServerTls | None = None


class IstioGatewaySpec(SpecModel):
    """`selector`: labels of the proxies, in every namespace."""

    selector: Annotated[Labels, Field(min_length=1)]
    servers: Annotated[tuple[Server, ...], Field(min_length=1, max_length=256)]


def check(_metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, IstioGatewaySpec)
    for index, server in enumerate(spec.servers):
        yield from under(("spec", "servers", index), _server(server))
    yield from under(("spec", "servers"), _together(spec.servers))


def _server(server: Server) -> Iterator[Violation]:
    yield from unique("hosts", server.hosts)
    protocol = server.port.protocol
    if _class(server) == "TLS":
        if server.tls is None:
            yield Violation("/tls", "required", f"must be set for protocol {protocol}")
        elif server.tls.https_redirect:
            yield Violation("/tls/httpsRedirect", "conflict", f"is for plain HTTP, and protocol {protocol} has TLS")
    elif server.tls is not None:
        if _class(server) == "TCP":
            yield Violation("/tls", "conflict", f"must not be set for protocol {protocol}; use protocol TLS")
        elif server.tls != ServerTls(https_redirect=server.tls.https_redirect):
            yield Violation("/tls", "conflict", f"may hold httpsRedirect alone for protocol {protocol}; use protocol HTTPS")
        return
    if server.tls is not None:
        yield from under(("tls",), server_tls(server.tls))


def _class(server: Server) -> str:
    """Servers of one class can share a port."""
    protocol = server.port.protocol
    return "TLS" if protocol in {"HTTPS", "TLS"} else "TCP" if protocol in {"TCP", "MONGO"} else "HTTP"


def _together(servers: Sequence[Server]) -> Iterator[Violation]:
    names: set[str] = set()
    places: dict[tuple[int, str | None], Server] = {}
    for index, server in enumerate(servers):
        if server.port.name in names:
            at = pointer(index, "port", "name")
            yield Violation(
                at, "duplicate", f"port name {server.port.name!r} is given twice: routes could not tell which is meant"
            )
        names.add(server.port.name)
        first = places.setdefault((server.port.number, server.bind), server)
        if _class(first) != _class(server):
            words = f"port {server.port.number} serves {first.port.protocol} already (port name {first.port.name})"
            yield Violation(pointer(index, "port", "protocol"), "conflict", words)

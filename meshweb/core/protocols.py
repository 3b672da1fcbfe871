"""What is spoken on a port: by `appProtocol`, by the port's name, else the proxy looks (Istio, "Protocol Selection")."""

from __future__ import annotations

from collections.abc import Mapping

from meshweb.core.ir.services import Protocol

_PROTOCOLS: Mapping[str, Protocol] = {
    "http": Protocol.HTTP,
    "kubernetes.io/ws": Protocol.HTTP,
    "http2": Protocol.HTTP2,
    "grpc": Protocol.GRPC,
    "grpc-web": Protocol.HTTP,
    "kubernetes.io/h2c": Protocol.HTTP2,
    "tcp": Protocol.TCP,
    "tls": Protocol.TLS,
    "https": Protocol.TLS,
    "kubernetes.io/wss": Protocol.TLS,
    "mongo": Protocol.TCP,
    "mysql": Protocol.TCP,
    "redis": Protocol.TCP,
}

KNOWN_PROTOCOLS: tuple[str, ...] = tuple(sorted(_PROTOCOLS))

_STRENGTH = (Protocol.TCP, Protocol.TLS, Protocol.AUTO, Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC)


def protocol_of(app_protocol: str | None, port_name: str) -> Protocol:
    """appProtocol, else the port name's prefix up to the first dash, else AUTO."""
    for text in (app_protocol, *_prefixes(port_name)):
        if text and text.lower() in _PROTOCOLS:
            return _PROTOCOLS[text.lower()]
    return Protocol.AUTO


def _prefixes(port_name: str) -> tuple[str, str]:
    return ("grpc-web" if port_name.startswith("grpc-web") else "", port_name.split("-", 1)[0])


def stronger(one: Protocol, other: Protocol) -> Protocol:
    """When two documents disagree about a port: the one under which more can be enforced."""
    return max(one, other, key=_STRENGTH.index)

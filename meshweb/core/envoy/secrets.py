"""Secrets of documents as Envoy takes them, and which of them a piece of configuration asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from meshweb.core.envoy.values import serialized
from meshweb.core.snapshot import TypeUrl, XdsResource
from meshweb.protos import message

_TLS = "envoy.extensions.transport_sockets.tls.v3"
_MESSAGES = {TypeUrl.CLUSTER: "envoy.config.cluster.v3.Cluster", TypeUrl.LISTENER: "envoy.config.listener.v3.Listener"}
_CONTEXTS = {f"type.googleapis.com/{_TLS}.{name}": f"{_TLS}.{name}" for name in ("UpstreamTlsContext", "DownstreamTlsContext")}


def key_pair(name: str, certificate: str, key: str) -> XdsResource:
    """PEM; the chain begins with the leaf."""
    secret = message(f"{_TLS}.Secret")(name=name)
    secret.tls_certificate.certificate_chain.inline_string = certificate
    secret.tls_certificate.private_key.inline_string = key
    return XdsResource.of(name, serialized(secret))


def authorities(name: str, roots: str) -> XdsResource:
    """Whom to believe certificates from. PEM."""
    secret = message(f"{_TLS}.Secret")(name=name)
    secret.validation_context.trusted_ca.inline_string = roots
    return XdsResource.of(name, serialized(secret))


@dataclass(frozen=True, slots=True)
class Named:
    """Names under which secrets are asked for: of certificates with keys, and of authorities."""

    pairs: frozenset[str]
    roots: frozenset[str]


def named_in(type_url: TypeUrl, resources: Iterable[XdsResource]) -> Named:
    """Of clusters or listeners."""
    pairs: set[str] = set()
    roots: set[str] = set()
    for resource in resources:
        parsed = message(_MESSAGES[type_url]).FromString(resource.body)
        for socket in _sockets(type_url, parsed):
            context = _CONTEXTS.get(socket.typed_config.type_url)
            if context is None:
                continue
            common = message(context).FromString(socket.typed_config.value).common_tls_context
            pairs |= {config.name for config in common.tls_certificate_sds_secret_configs}
            roots.add(common.validation_context_sds_secret_config.name)
            roots.add(common.combined_validation_context.validation_context_sds_secret_config.name)
    return Named(frozenset(pairs), frozenset(roots - {""}))


def _sockets(type_url: TypeUrl, parsed: Any) -> Iterator[Any]:
    if type_url is TypeUrl.LISTENER:
        yield from (chain.transport_socket for chain in parsed.filter_chains)
        yield parsed.default_filter_chain.transport_socket
    else:
        yield parsed.transport_socket
        yield from (match.transport_socket for match in parsed.transport_socket_matches)

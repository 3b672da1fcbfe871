"""A Gateway of Istio opens its servers on the proxies that carry the labels of its selector."""

from __future__ import annotations

from collections.abc import Iterable

from meshweb.core import hosts
from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.errors import pointer
from meshweb.core.intent import Document, DocumentKey
from meshweb.core.ir.gateways import (
    Gateway,
    GatewayRef,
    GatewayServer,
    KeyPair,
    ServerProtocol,
    ServerTls,
    ServerTlsMode,
    TlsVersion,
)
from meshweb.core.ir.routing import Origin
from meshweb.core.scoped import Audience
from meshweb.kinds.base import Reference
from meshweb.kinds.common import istio_tls
from meshweb.kinds.istio_gateway.spec import IstioGatewaySpec, Server

_PROTOCOLS = {
    "HTTP": ServerProtocol.HTTP,
    "HTTP2": ServerProtocol.HTTP,
    "GRPC": ServerProtocol.HTTP,
    "GRPC-WEB": ServerProtocol.HTTP,
    "HTTPS": ServerProtocol.HTTPS,
    "TLS": ServerProtocol.TLS,
    "TCP": ServerProtocol.TCP,
    "MONGO": ServerProtocol.TCP,
}
_VERSIONS = {"TLSV1_2": TlsVersion.V1_2, "TLSV1_3": TlsVersion.V1_3}


def references(document: Document) -> Iterable[Reference]:
    for index, server in enumerate(_spec(document).servers):
        tls = server.tls
        named = () if tls is None else (tls.credential_name, *tls.credential_names, tls.ca_cert_credential_name)
        for name in named:
            if name is not None:
                yield Reference(DocumentKey("Secret", document.namespace, name), pointer("spec", "servers", index, "tls"))


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = _spec(document)
    ref = GatewayRef("IstioGateway", document.namespace, document.name)
    servers = tuple(_server(mesh, document, ref, index, server) for index, server in enumerate(spec.servers))
    gateway = Gateway(ref, "", frozenset(spec.selector.items()), servers)
    mesh.gateways.gateways[ref] = gateway
    mesh.report(document, Condition.accepted())
    words = "its selector picks no proxy yet: start one with meshweb-agent run --gateway"
    mesh.expect(document, Audience("", gateway.selector, words))


def _spec(document: Document) -> IstioGatewaySpec:
    assert isinstance(document.spec, IstioGatewaySpec)
    return document.spec


def _server(mesh: MeshBuilder, document: Document, ref: GatewayRef, index: int, server: Server) -> GatewayServer:
    suffix = mesh.settings.dns_suffix
    named = []
    for text in server.hosts:
        namespace, _, host = text.rpartition("/")
        full = host if "." in host or host == "*" else hosts.qualified(host, document.namespace, suffix)
        named.append((document.namespace if namespace == "." else namespace or "*", full))
    tls = _tls(server.tls) if server.port.protocol in {"HTTPS", "TLS"} else None
    return GatewayServer(
        gateway=ref,
        name=server.port.name,
        port=server.port.target_port or server.port.number,
        protocol=_PROTOCOLS[server.port.protocol],
        hosts=tuple(named),
        bind=server.bind or "",
        tls=tls,
        https_redirect=server.tls is not None and server.tls.https_redirect,
        origin=Origin(document.key, pointer("spec", "servers", index)),
    )


def _tls(tls: istio_tls.ServerTls | None) -> ServerTls | None:
    """`./name`: Secrets of the namespace of the proxy that serves the Gateway, as in Istio."""
    if tls is None:
        return None
    secrets = [name for name in (tls.credential_name, *tls.credential_names) if name is not None]
    pairs = [KeyPair(secret=f"./{name}") for name in secrets]
    pairs += [KeyPair(certificate_file=c.server_certificate, key_file=c.private_key) for c in tls.tls_certificates]
    if tls.server_certificate is not None and tls.private_key is not None:
        pairs.append(KeyPair(certificate_file=tls.server_certificate, key_file=tls.private_key))
    mode = ServerTlsMode(tls.mode)
    asks = mode in {ServerTlsMode.MUTUAL, ServerTlsMode.OPTIONAL_MUTUAL}
    authority = tls.ca_cert_credential_name or (secrets[0] if secrets and asks and tls.ca_certificates is None else None)
    return ServerTls(
        mode=mode,
        certificates=tuple(pairs),
        ca_secret=f"./{authority}" if authority is not None else "",
        ca_file=tls.ca_certificates or "",
        crl_file=tls.ca_crl or "",
        names=tls.subject_alt_names,
        spki_pins=tls.verify_certificate_spki,
        hash_pins=tuple(text.replace(":", "").lower() for text in tls.verify_certificate_hash),
        min_version=_VERSIONS.get(tls.min_protocol_version, TlsVersion.AUTO),
        max_version=_VERSIONS.get(tls.max_protocol_version, TlsVersion.AUTO),
        ciphers=tls.cipher_suites,
    )

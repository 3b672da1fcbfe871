"""TLS of callers: with a certificate of the mesh when they have an identity, taking any certificate of the server."""

from __future__ import annotations

import ssl
import tempfile
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.traffic.world import World
from tests.xds.fakes import MeshCa


class Callers:
    """`foreign/<account>` is an identity of the same names that another mesh's CA has signed, `world/<owner>` one of the world
    outside, `stranger/<owner>` one of another world."""

    def __init__(self, ca: MeshCa, world: World) -> None:
        self._ca, self._worlds = ca, {"world": world, "stranger": World()}
        self._foreign = MeshCa()
        self.context = lru_cache(maxsize=None)(self._context)

    def _context(self, identity: str | None, alpn: tuple[str, ...]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if identity is not None:
            certificate, key = self.pair(identity)
            with tempfile.TemporaryDirectory() as directory:
                path = Path(directory, "own.pem")
                path.write_bytes(key + certificate)
                context.load_cert_chain(path)
        return context

    @property
    def roots(self) -> bytes:
        """Of the world."""
        return self._worlds["world"].roots.encode()

    def pair(self, identity: str) -> tuple[bytes, bytes]:
        """Certificate and key, PEM."""
        namespace, _, account = identity.partition("/")
        if namespace in self._worlds:
            return self._worlds[namespace].pair(account)
        ca = self._foreign if namespace == "foreign" else self._ca
        issued = ca.client("shop" if namespace == "foreign" else namespace, account)
        return issued.chain, issued.key


def names_of(connection: ssl.SSLObject | None) -> list[str]:
    """Common name, DNS names and URIs of the server's certificate; empty without TLS."""
    raw = connection.getpeercert(binary_form=True) if connection is not None else None
    if raw is None:
        return []
    certificate = x509.load_der_x509_certificate(raw)
    names = [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return names
    names += alternatives.get_values_for_type(x509.DNSName)
    return names + alternatives.get_values_for_type(x509.UniformResourceIdentifier)

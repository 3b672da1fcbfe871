"""The world outside the mesh: a CA of its own, which signs its servers, its callers, and what gateways show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

FILES = ("first", "second")
"""Owners whose certificates lie in files."""
_NAMES = ("*.example.com", "*.example.org", "localhost", "*.secure.localhost")
"""In every certificate, besides the name of its owner."""


class World:
    """Its certificates are known by their owner's name: common name, DNS name, and `spiffe://world/<owner>`."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of the world")])
        self._root = self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=0), ())
        self.roots = self._root.public_bytes(serialization.Encoding.PEM).decode()
        self.pair = lru_cache(maxsize=None)(self._pair)

    def _pair(self, owner: str) -> tuple[bytes, bytes]:
        """Certificate and key, PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, owner)])
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in (owner, *_NAMES)]
        alternatives.append(x509.UniformResourceIdentifier(f"spiffe://world/{owner}"))
        made = self._sign(subject, key, x509.BasicConstraints(ca=False, path_length=None), alternatives)
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return made.public_bytes(serialization.Encoding.PEM), key.private_bytes(*form)

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        constraints: x509.BasicConstraints,
        alternatives: list[x509.GeneralName] | tuple[()],
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(constraints, critical=True)
        )
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def secret(self, name: str) -> dict[str, Any]:
        """The Secret `namespace/name`: a certificate whose owner is the name, its key, and this CA."""
        namespace, _, owner = name.partition("/")
        certificate, key = self.pair(owner)
        values = {"tls.crt": certificate.decode(), "tls.key": key.decode(), "ca.crt": self.roots}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": owner, "namespace": namespace}, "stringData": values}

    def write(self, directory: Path) -> None:
        """What documents may name as `$(certs)/first.pem`, `$(certs)/first.key` and `$(certs)/world.pem`."""
        directory.mkdir()
        for owner in FILES:
            certificate, key = self.pair(owner)
            (directory / f"{owner}.pem").write_bytes(certificate)
            (directory / f"{owner}.key").write_bytes(key)
        (directory / "world.pem").write_text(self.roots)
        (directory / "stranger.pem").write_text(World().roots)

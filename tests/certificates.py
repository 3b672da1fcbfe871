"""Certificates of the world outside the mesh: for the servers of gateways, and for their callers."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True)
class Pair:
    """PEM."""

    certificate: str
    key: str = field(repr=False)

    @property
    def data(self) -> dict[str, str]:
        """As `data` of a Secret."""
        return {
            "tls.crt": base64.b64encode(self.certificate.encode()).decode(),
            "tls.key": base64.b64encode(self.key.encode()).decode(),
        }

    @property
    def plain(self) -> dict[str, str]:
        """As `stringData` of a Secret."""
        return {"tls.crt": self.certificate, "tls.key": self.key}

    @property
    def der(self) -> bytes:
        return x509.load_pem_x509_certificate(self.certificate.encode()).public_bytes(serialization.Encoding.DER)


def server(*names: str, days: int = 30) -> Pair:
    """Self-signed, for DNS names."""
    return Authority().issue(*names, days=days)


class Authority:
    def __init__(self, name: str = "tests") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        extension = x509.BasicConstraints(ca=True, path_length=0)
        builder = self._builder(self._name, self._key.public_key(), 365).add_extension(extension, critical=True)
        self.certificate = _pem(builder.sign(self._key, hashes.SHA256()))

    def issue(self, *names: str, days: int = 30) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        made = self._builder(subject, key.public_key(), days).add_extension(alternatives, critical=False)
        plain = serialization.NoEncryption()
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        return Pair(_pem(made.sign(self._key, hashes.SHA256())), pem.decode())

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
        return builder.not_valid_after(now + timedelta(days=days))


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()

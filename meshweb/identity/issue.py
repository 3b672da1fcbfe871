"""Issuing X.509 certificates: root, intermediate, workload leaf, control-plane leaf. Time is an argument.

Leaves follow the SPIFFE X.509-SVID standard: empty subject, therefore a critical SAN with exactly one URI, CA:FALSE.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from meshweb.identity import keys
from meshweb.identity.spiffe_id import SpiffeId, check_trust_domain, control_plane_id

BACKDATE = timedelta(seconds=60)
"""Clocks of VMs are not ours: a certificate is valid a minute before it was made."""

ROOT_LIFE = timedelta(days=3650)
INTERMEDIATE_LIFE = timedelta(days=365)
LEAF_LIFE = timedelta(hours=12)

LeafPublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA certificate with its key. `chain` leads from it towards the root, without the root (empty for a root)."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()


def random_serial() -> int:
    """128 random bits: unique without a counter, also after a database was restored."""
    return secrets.randbits(128) | 1


def serial_hex(serial: int) -> str:
    """Lower case, no leading zeros: how serials are stored and compared everywhere."""
    return f"{serial:x}"


def pem(*certificates: x509.Certificate) -> str:
    return "".join(certificate.public_bytes(serialization.Encoding.PEM).decode() for certificate in certificates)


def make_root(
    trust_domain: str, now: datetime, *, key: ec.EllipticCurvePrivateKey | None = None, life: timedelta = ROOT_LIFE
) -> Authority:
    """Self-signed, 10 years. Raises NotSpiffeId for a bad trust domain."""
    own = key or keys.make_key()
    name = _ca_name(trust_domain, "root CA")
    builder = _base(name, name, own.public_key(), own.public_key(), now, now + life, random_serial())
    return Authority(_as_ca(builder, trust_domain, path_length=1).sign(own, hashes.SHA256()), own)


def make_intermediate(
    root: Authority,
    trust_domain: str,
    now: datetime,
    *,
    key: ec.EllipticCurvePrivateKey | None = None,
    life: timedelta = INTERMEDIATE_LIFE,
) -> Authority:
    """Signs leaves only (path length 0), 1 year, never longer than its root."""
    own = key or keys.make_key()
    end = min(now + life, root.certificate.not_valid_after_utc)
    subject = _ca_name(trust_domain, f"intermediate CA {secrets.token_hex(4)}")
    issuer_key = root.key.public_key()
    builder = _base(subject, root.certificate.subject, own.public_key(), issuer_key, now, end, random_serial())
    certificate = _as_ca(builder, trust_domain, path_length=0).sign(root.key, hashes.SHA256())
    return Authority(certificate, own, (certificate,))


def issue_leaf(
    authority: Authority, public_key: LeafPublicKey, identity: SpiffeId, now: datetime, ttl: timedelta = LEAF_LIFE
) -> x509.Certificate:
    """Certificate of a workload. The caller checked the key with `csr.check_csr` and took the identity from its own records."""
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(str(identity))]
    return _leaf(authority, public_key, names, now, ttl)


def issue_control_plane(
    authority: Authority,
    public_key: LeafPublicKey,
    trust_domain: str,
    now: datetime,
    ttl: timedelta = LEAF_LIFE,
    *,
    dns_names: Sequence[str] = (),
    ip_addresses: Sequence[str] = (),
) -> x509.Certificate:
    """Server certificate of the control plane (gRPC needs `control-plane.meshweb` among the DNS names). Raises ValueError for a
    bad address."""
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(control_plane_id(trust_domain))]
    names += [x509.DNSName(name) for name in dns_names]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ip_addresses]
    return _leaf(authority, public_key, names, now, ttl)


def load_chain(text: str | bytes) -> list[x509.Certificate]:
    """Certificates of a PEM text, in order. Raises ValueError."""
    return x509.load_pem_x509_certificates(text.encode() if isinstance(text, str) else text)


def spiffe_uri(certificate: x509.Certificate) -> str:
    """The one URI SAN. Raises ValueError when there is none or more than one."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise ValueError("the certificate names no identity") from None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1:
        raise ValueError(f"the certificate has {len(uris)} URI names instead of one")
    return uris[0]


def _ca_name(trust_domain: str, role: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "meshweb"),
            # X.520 allows 64 characters in a common name.
            x509.NameAttribute(NameOID.COMMON_NAME, f"{check_trust_domain(trust_domain)[:32]} {role}"),
        ]
    )


def _base(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: LeafPublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    now: datetime,
    end: datetime,
    serial: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(now - BACKDATE)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _as_ca(builder: x509.CertificateBuilder, trust_domain: str, *, path_length: int) -> x509.CertificateBuilder:
    uri = x509.UniformResourceIdentifier(f"spiffe://{trust_domain}")
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(signs_certificates=True, key_encipherment=False), critical=True)
        .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
    )


def _leaf(
    authority: Authority, public_key: LeafPublicKey, names: list[x509.GeneralName], now: datetime, ttl: timedelta
) -> x509.Certificate:
    if ttl <= timedelta(0):
        raise ValueError("the life of a certificate must be positive")
    end = min(now + ttl, authority.certificate.not_valid_after_utc)
    issuer_key = authority.key.public_key()
    base = _base(x509.Name([]), authority.certificate.subject, public_key, issuer_key, now, end, random_serial())
    usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
    encipher = isinstance(public_key, rsa.RSAPublicKey)
    return (
        base.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False, key_encipherment=encipher), critical=True)
        .add_extension(usages, critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .sign(authority.key, hashes.SHA256())
    )


def _key_usage(*, signs_certificates: bool, key_encipherment: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )

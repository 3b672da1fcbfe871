"""TLS that a proxy ends itself, as Gateway and Sidecar write it (Istio reference, "ServerTLSSettings")."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from meshweb.core.errors import Violation, pointer
from meshweb.kinds.base import DnsLabel, SpecModel
from meshweb.kinds.common.istio import SafePath, unique

_CIPHERS = frozenset(
    (
        *("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        *("ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"),
        *("ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA"),
        *("AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA"),
    )
)
"""What Envoy takes for TLS up to 1.2; those of TLS 1.3 cannot be chosen."""
_VERSIONS = ("TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3")


def _cipher(name: str) -> str:
    if name not in _CIPHERS:
        raise PydanticCustomError("enum", "must be one of {names}", {"names": ", ".join(sorted(_CIPHERS))})
    return name


def _spki(text: str) -> str:
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != 32:
        raise PydanticCustomError("digest", "must be a SHA-256 in base64: 44 characters")
    return text


AltName = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[\x21-\x7e]+$")]
Cipher = Annotated[str, Field(max_length=64), AfterValidator(_cipher)]
Spki = Annotated[str, Field(max_length=64), AfterValidator(_spki)]
Fingerprint = Annotated[str, Field(max_length=95, pattern=r"^([0-9A-Fa-f]{64}|([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2})$")]
TlsVersion = Literal["TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"]


class TlsCertificate(SpecModel):
    server_certificate: SafePath
    private_key: SafePath
    ca_certificates: SafePath | None = None


class ServerTls(SpecModel):
    """Paths are on the proxy's own machine; `credentialName` and `credentialNames` name Secrets. Without AUTO_PASSTHROUGH,
    which sends a connection wherever its server name says."""

    https_redirect: bool = False
    mode: Literal["PASSTHROUGH", "SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL", "ISTIO_MUTUAL"] = "PASSTHROUGH"
    server_certificate: SafePath | None = None
    private_key: SafePath | None = None
    ca_certificates: SafePath | None = None
    ca_crl: SafePath | None = None
    credential_name: DnsLabel | None = None
    credential_names: Annotated[tuple[DnsLabel, ...], Field(max_length=2)] = ()
    ca_cert_credential_name: DnsLabel | None = None
    tls_certificates: Annotated[tuple[TlsCertificate, ...], Field(max_length=2)] = ()
    subject_alt_names: Annotated[tuple[AltName, ...], Field(max_length=256)] = ()
    verify_certificate_spki: Annotated[tuple[Spki, ...], Field(max_length=64)] = ()
    verify_certificate_hash: Annotated[tuple[Fingerprint, ...], Field(max_length=64)] = ()
    min_protocol_version: TlsVersion = "TLS_AUTO"
    max_protocol_version: TlsVersion = "TLS_AUTO"
    cipher_suites: Annotated[tuple[Cipher, ...], Field(max_length=32)] = ()


_FILES = (("serverCertificate", "server_certificate"), ("privateKey", "private_key"))
_SOURCES = (
    ("credentialName", "credential_name"),
    ("credentialNames", "credential_names"),
    ("tlsCertificates", "tls_certificates"),
)
_CLIENTS = (
    ("caCertificates", "ca_certificates"),
    ("caCertCredentialName", "ca_cert_credential_name"),
    ("caCrl", "ca_crl"),
    ("subjectAltNames", "subject_alt_names"),
    ("verifyCertificateSpki", "verify_certificate_spki"),
    ("verifyCertificateHash", "verify_certificate_hash"),
)
_TUNING = (
    ("minProtocolVersion", "min_protocol_version"),
    ("maxProtocolVersion", "max_protocol_version"),
    ("cipherSuites", "cipher_suites"),
)


def server_tls(tls: ServerTls) -> Iterator[Violation]:
    """Pointers begin at the settings."""
    if tls.mode in {"PASSTHROUGH", "ISTIO_MUTUAL"}:
        why = "TLS ends behind this proxy" if tls.mode == "PASSTHROUGH" else "the mesh's own certificates are used"
        fields = (*_FILES, *_SOURCES, *_CLIENTS[:3], *(_CLIENTS[3:] + _TUNING if tls.mode == "PASSTHROUGH" else ()))
        for field in _given(tls, fields):
            yield Violation(f"/{field}", "conflict", f"must not be set with mode {tls.mode}: {why}")
    else:
        yield from _certificate(tls)
        yield from _clients(tls)
    if "TLS_AUTO" not in (tls.min_protocol_version, tls.max_protocol_version):
        low, high = _VERSIONS.index(tls.min_protocol_version), _VERSIONS.index(tls.max_protocol_version)
        if low > high:
            yield Violation("/maxProtocolVersion", "range", "must not be lower than minProtocolVersion")
    for field, attribute in (("credentialNames", "credential_names"), ("cipherSuites", "cipher_suites")):
        yield from unique(field, getattr(tls, attribute))


def _given(tls: ServerTls, fields: tuple[tuple[str, str], ...]) -> list[str]:
    return [field for field, attribute in fields if getattr(tls, attribute) not in (None, (), "TLS_AUTO")]


def _certificate(tls: ServerTls) -> Iterator[Violation]:
    files, sources = _given(tls, _FILES), _given(tls, _SOURCES)
    if len(sources) + bool(files) != 1:
        words = f"mode {tls.mode} needs one of credentialName, credentialNames, tlsCertificates, or serverCertificate and privateKey"
        yield Violation("", "one_of", words)
    elif len(files) == 1:
        missing = next(field for field, _ in _FILES if field not in files)
        yield Violation(f"/{missing}", "required", f"must be set beside {files[0]}")
    for index, certificate in enumerate(tls.tls_certificates):
        if certificate.ca_certificates is not None:
            at = pointer("tlsCertificates", index, "caCertificates")
            yield Violation(
                at, "unsupported", "must stand beside tlsCertificates: clients are verified alike, whatever they are shown"
            )


def _clients(tls: ServerTls) -> Iterator[Violation]:
    if tls.mode == "SIMPLE":
        for field in _given(tls, _CLIENTS):
            yield Violation(f"/{field}", "conflict", "verifies clients, which mode SIMPLE does not ask for a certificate")
        return
    by_secret = tls.credential_name is not None or bool(tls.credential_names)
    if tls.ca_certificates is not None and (by_secret or tls.ca_cert_credential_name is not None):
        other = "caCertCredentialName" if tls.ca_cert_credential_name is not None else "a credential, which brings its own"
        yield Violation("/caCertificates", "conflict", f"must not be set beside {other}")
    if tls.ca_certificates is None and tls.ca_cert_credential_name is None and not by_secret:
        yield Violation("/caCertificates", "required", f"must be set with mode {tls.mode}: clients are verified against it")

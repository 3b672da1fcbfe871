"""Trust on first contact: the join token carries the SHA-256 of the root CA's SubjectPublicKeyInfo, and the server shows its chain."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID

from meshweb.identity.issue import spiffe_uri
from meshweb.identity.keys import public_key_sha256
from meshweb.identity.spiffe_id import NotSpiffeId, control_plane_trust_domain

MAX_CHAIN = 6
_UNDERSTOOD = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.SubjectAlternativeName,
)


class ChainRefused(Exception):
    """The presented chain does not lead to the pinned root, or is not that of a control plane. Nothing was sent."""


class PinMismatch(ChainRefused):
    """The root is another one: a different control plane, a rebuilt CA, or someone in between."""


@dataclass(frozen=True, slots=True)
class VerifiedChain:
    root: x509.Certificate
    trust_domain: str


def spki_pin(certificate: x509.Certificate) -> str:
    """Hex SHA-256 of the SubjectPublicKeyInfo."""
    return public_key_sha256(certificate.public_key())


def verify_chain(
    chain: Sequence[x509.Certificate], *, pin: str, at: datetime, trust_domain: str | None = None
) -> VerifiedChain:
    """Checks leaf, intermediates and root (in this order, root last) at time `at`. Raises ChainRefused.

    The root must match `pin`; every signature, validity, CA flag and path length is checked; the leaf must be a TLS server
    whose one URI SAN is that of a control plane (of `trust_domain`, when known).
    """
    if not 2 <= len(chain) <= MAX_CHAIN:
        raise ChainRefused(f"the server presented {len(chain)} certificates; leaf, intermediates and root are expected")
    root, leaf = chain[-1], chain[0]
    if not hmac.compare_digest(spki_pin(root), pin):
        raise PinMismatch(f"the server's root CA has pin {spki_pin(root)}, the token expects {pin}")
    for depth, certificate in enumerate(chain):
        _check_validity(certificate, at)
        _check_extensions(certificate)
        issuer = chain[min(depth + 1, len(chain) - 1)]
        try:
            certificate.verify_directly_issued_by(issuer)
        except (InvalidSignature, ValueError, TypeError):
            raise ChainRefused(f"certificate {depth} of the chain was not issued by the next one") from None
        if depth:
            _check_ca(certificate, below=depth - 1)
    return VerifiedChain(root, _check_leaf(leaf, trust_domain))


def _check_validity(certificate: x509.Certificate, at: datetime) -> None:
    if at < certificate.not_valid_before_utc:
        raise ChainRefused(
            f"the server's certificate is valid from {certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ} on: check this clock"
        )
    if at > certificate.not_valid_after_utc:
        raise ChainRefused(f"the server's certificate ended {certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}")


def _check_extensions(certificate: x509.Certificate) -> None:
    try:
        extensions = list(certificate.extensions)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise ChainRefused(f"a certificate of the chain has broken extensions ({type(error).__name__})") from None
    for extension in extensions:
        if extension.critical and not isinstance(extension.value, _UNDERSTOOD):
            raise ChainRefused(f"a certificate of the chain has the unknown critical extension {extension.oid.dotted_string}")


def _check_ca(certificate: x509.Certificate, *, below: int) -> None:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        raise ChainRefused("an issuer of the chain is not a CA") from None
    if not constraints.ca or not usage.key_cert_sign:
        raise ChainRefused("an issuer of the chain is not a CA")
    if constraints.path_length is not None and below > constraints.path_length:
        raise ChainRefused("the chain is longer than its CA allows")


def _check_leaf(leaf: x509.Certificate, trust_domain: str | None) -> str:
    try:
        if leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            raise ChainRefused("the server's own certificate is a CA")
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        raise ChainRefused("the server's certificate is not one of a control plane") from None
    if ExtendedKeyUsageOID.SERVER_AUTH not in usages:
        raise ChainRefused("the server's certificate is not for servers")
    try:
        found = control_plane_trust_domain(spiffe_uri(leaf))
    except (NotSpiffeId, ValueError) as error:
        raise ChainRefused(str(error)) from None
    if trust_domain is not None and found != trust_domain:
        raise ChainRefused(f"the server belongs to trust domain {found}, not to {trust_domain}")
    return found

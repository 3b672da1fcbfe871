"""Certificate signing requests: made by agents, and checked as what they are, input from a stranger.

A request carries one thing: a public key. Subject, names, extensions and attributes are not even looked at.
"""

from __future__ import annotations

import re

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

MAX_CSR_BYTES = 16 * 1024
_ONE_BLOCK = re.compile(
    rb"\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----[A-Za-z0-9+/=\s]+-----END (NEW )?CERTIFICATE REQUEST-----\s*"
)
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)

CsrPublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class CsrRefused(ValueError):
    """The request breaks a rule; the message says which one and can be shown to the sender."""


def make_csr(key: ec.EllipticCurvePrivateKey) -> str:
    """A request with an empty subject and nothing but the key, as PEM."""
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def check_csr(pem: str | bytes) -> CsrPublicKey:
    """The public key of a request whose own signature proves possession of the private key. Raises CsrRefused.

    Rules: at most 16 KiB, exactly one PEM block, signed with SHA-2, EC P-256 or P-384, or RSA of 2048 to 4096 bits with
    exponent 65537.
    """
    raw = pem.encode("utf-8", "replace") if isinstance(pem, str) else pem
    if len(raw) > MAX_CSR_BYTES:
        raise CsrRefused(f"the request is larger than {MAX_CSR_BYTES} bytes")
    if not _ONE_BLOCK.fullmatch(raw):
        raise CsrRefused("the request must be exactly one PEM block of type CERTIFICATE REQUEST")
    try:
        request = x509.load_pem_x509_csr(raw)
        key = request.public_key()
        algorithm = request.signature_hash_algorithm
    except Exception as error:  # noqa: BLE001 - hostile bytes reach a parser that raises many kinds
        raise CsrRefused(f"the request cannot be parsed ({type(error).__name__})") from None
    if not isinstance(algorithm, _HASHES):
        raise CsrRefused("the request must be signed with SHA-256, SHA-384 or SHA-512")
    accepted = _accepted_key(key)
    try:
        valid = request.is_signature_valid
    except Exception as error:  # noqa: BLE001 - as above: an unknown algorithm raises here
        raise CsrRefused(f"the signature cannot be verified ({type(error).__name__})") from None
    if not valid:
        raise CsrRefused("the signature of the request does not match its public key")
    return accepted


def _accepted_key(key: object) -> CsrPublicKey:
    if isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1):
            raise CsrRefused(f"curve {key.curve.name} is not accepted: use P-256 or P-384")
        return key
    if isinstance(key, rsa.RSAPublicKey):
        if not 2048 <= key.key_size <= 4096:
            raise CsrRefused(f"RSA keys must have 2048 to 4096 bits, this one has {key.key_size}")
        if key.public_numbers().e != 65537:
            raise CsrRefused("RSA keys must have the exponent 65537")
        return key
    raise CsrRefused(f"{type(key).__name__} is not accepted: use EC P-256, EC P-384 or RSA")

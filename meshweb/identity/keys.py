"""Private keys: EC P-256, PKCS #8 PEM without a password (files are 0600; at rest in the database they are sealed)."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from meshweb.identity.sealing import SecretBytes


class NotAKey(ValueError):
    """The bytes are not a private key that we made."""


def make_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def private_key_pem(key: ec.EllipticCurvePrivateKey) -> SecretBytes:
    return SecretBytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def load_private_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Raises NotAKey; the message never holds a byte of the input."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except Exception as error:  # noqa: BLE001 - the parser raises many kinds; none may carry key bytes into a log
        raise NotAKey(f"cannot read the private key ({type(error).__name__})") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise NotAKey("the private key is not an elliptic curve key")
    return key


def public_key_der(key: ec.EllipticCurvePublicKey | object) -> bytes:
    """SubjectPublicKeyInfo of any public key of `cryptography`."""
    encode = getattr(key, "public_bytes", None)
    if encode is None:
        raise NotAKey(f"{type(key).__name__} is not a public key")
    der: bytes = encode(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return der


def public_key_sha256(key: object) -> str:
    """Hex SHA-256 of the SubjectPublicKeyInfo: what a pin, and "the same key again", are compared by."""
    return hashlib.sha256(public_key_der(key)).hexdigest()

"""Tokens of end users, good and forged, and the public keys that they are verified with."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from pydantic import BaseModel, ConfigDict, Field

Json = dict[str, Any]
_CURVES: Mapping[str, tuple[ec.EllipticCurve, str, str, int]] = {
    "ec": (ec.SECP256R1(), "P-256", "ES256", 32),
    "second": (ec.SECP256R1(), "P-256", "ES256", 32),
    "stranger": (ec.SECP256R1(), "P-256", "ES256", 32),
    "p384": (ec.SECP384R1(), "P-384", "ES384", 48),
    "p521": (ec.SECP521R1(), "P-521", "ES512", 66),
}
_HASHES = {"ES256": hashes.SHA256(), "ES384": hashes.SHA384(), "ES512": hashes.SHA512()}
NAMES = (*_CURVES, "rsa", "ed")


class TokenSpec(BaseModel):
    """key: of `NAMES`. exp and nbf: seconds from now; null: left out. claims stand beside iss, sub and aud; a null takes one away.
    header: members beside alg and kid. forged: `none` (no algorithm, no signature), `hmac` (HS256 with the public key as the secret),
    `signature` (of another text)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = "ec"
    iss: str = "https://a.example"
    sub: str = "alice"
    aud: str | list[str] | None = None
    exp: int | None = 3600
    nbf: int | None = None
    claims: dict[str, Any] = Field(default_factory=dict)
    header: dict[str, Any] = Field(default_factory=dict)
    forged: str = ""


def payload(spec: TokenSpec) -> Json:
    now = int(time.time())
    times = {name: now + seconds for name, seconds in (("exp", spec.exp), ("nbf", spec.nbf)) if seconds is not None}
    made = {"iss": spec.iss, "sub": spec.sub, "aud": spec.aud, **times, **spec.claims}
    return {name: value for name, value in made.items() if value is not None}


def token(spec: TokenSpec) -> str:
    algorithm = {"none": "none", "hmac": "HS256"}.get(spec.forged) or public_key(spec.key)["alg"]
    header = {"alg": algorithm, "kid": spec.key, "typ": "JWT", **spec.header}
    text = f"{_base64(json.dumps(header).encode())}.{_base64(json.dumps(payload(spec)).encode())}"
    if spec.forged == "none":
        return f"{text}."
    if spec.forged == "hmac":
        public = serialization.PublicFormat.SubjectPublicKeyInfo
        pem = _key(spec.key).public_key().public_bytes(serialization.Encoding.PEM, public)
        return f"{text}.{_base64(hmac.digest(pem, text.encode(), hashlib.sha256))}"
    return f"{text}.{_base64(_sign(spec.key, (text if spec.forged != 'signature' else text + 'x').encode()))}"


def texts() -> dict[str, str]:
    """What may stand in documents: `jwks ec`, and `jwks all`."""
    every = [public_key(name) for name in NAMES if name not in {"stranger", "second"}]
    return {f"jwks {name}": json.dumps({"keys": [public_key(name)]}) for name in NAMES} | {
        "jwks all": json.dumps({"keys": every})
    }


@cache
def _key(name: str) -> Any:
    if name == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ed25519.Ed25519PrivateKey.generate() if name == "ed" else ec.generate_private_key(_CURVES[name][0])


def public_key(name: str) -> Json:
    """JSON Web Key."""
    key = _key(name).public_key()
    if name == "rsa":
        n, e = key.public_numbers().n, key.public_numbers().e
        return {"kty": "RSA", "kid": name, "alg": "RS256", "n": _base64(n.to_bytes(256)), "e": _base64(e.to_bytes(3))}
    if name == "ed":
        return {"kty": "OKP", "crv": "Ed25519", "kid": name, "alg": "EdDSA", "x": _base64(key.public_bytes_raw())}
    _, curve, algorithm, size = _CURVES[name]
    x, y = (_base64(value.to_bytes(size)) for value in (key.public_numbers().x, key.public_numbers().y))
    return {"kty": "EC", "crv": curve, "kid": name, "alg": algorithm, "x": x, "y": y}


def _sign(name: str, text: bytes) -> bytes:
    key = _key(name)
    if name == "rsa":
        signed: bytes = key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        return signed
    if name == "ed":
        return bytes(key.sign(text))
    _, _, algorithm, size = _CURVES[name]
    r, s = utils.decode_dss_signature(key.sign(text, ec.ECDSA(_HASHES[algorithm])))
    return r.to_bytes(size) + s.to_bytes(size)


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

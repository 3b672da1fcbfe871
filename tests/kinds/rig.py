"""Documents written only to be checked: a spec of a kind in, its parsed form or its violations out."""

from __future__ import annotations

import base64
import datetime
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pydantic import ValidationError

from meshweb.core.errors import Violation
from meshweb.kinds.base import Metadata, SpecModel, violations_of
from meshweb.kinds.registry import KINDS
from tests.traffic import tokens

HERE = Path(__file__).parent
_METADATA = Metadata("reviews", "bookinfo", {}, {}, None)
_KINDS = {kind.spec.__module__.removeprefix("meshweb.kinds.").partition(".")[0]: kind for kind in KINDS}


def parse(kind: str, spec: Mapping[str, Any]) -> SpecModel:
    """Raises pydantic.ValidationError. kind: name of its folder."""
    return _KINDS[kind].parse_spec(spec)


def violations(kind: str, spec: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> list[Violation]:
    """What `parse_document` would find in the spec, with pointers from the document. metadata: fields of `Metadata`."""
    try:
        parsed = parse(kind, spec)
    except ValidationError as error:
        return violations_of(error, spec, ("spec",))
    return list(_KINDS[kind].check(replace(_METADATA, **(metadata or {})), parsed))


def rows(folder: str) -> list[tuple[str, dict[str, Any]]]:
    """Every row of every file, with the kind that its file is named after."""
    return [
        (path.stem, row)
        for path in sorted((HERE / folder).glob("*.yaml"))
        for row in _expand(yaml.safe_load(path.read_text("utf-8")))
    ]


def _expand(value: Any) -> Any:
    """`${cert_a}` and its like become PEM, `b64 ...` becomes the base64 of the rest: no key has to lie in the repository."""
    if isinstance(value, list):
        return [_expand(item) for item in value]
    if isinstance(value, dict):
        return {key: _expand(item) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    text = re.sub(r"\$\{(\w+)\}", lambda match: credentials()[match[1]], value)
    return base64.b64encode(text[4:].encode()).decode() if text.startswith("b64 ") else text


@cache
def credentials() -> Mapping[str, str]:
    """PEM by name: cert_x and key_x belong together; `locked_key` needs a password."""
    keys: dict[str, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey] = {
        "a": ec.generate_private_key(ec.SECP256R1()),
        "b": ec.generate_private_key(ec.SECP256R1()),
        "short": rsa.generate_private_key(public_exponent=65537, key_size=1024),
        "edwards": ed25519.Ed25519PrivateKey.generate(),
    }
    plain, locked = serialization.NoEncryption(), serialization.BestAvailableEncryption(b"password")
    return {
        **{f"key_{name}": _pem(key, plain) for name, key in keys.items()},
        **{f"cert_{name}": _self_signed(key) for name, key in keys.items()},
        "locked_key": _pem(keys["a"], locked),
        **key_sets(),
    }


def key_sets() -> Mapping[str, str]:
    """JSON Web Key Sets by name."""
    good = [tokens.public_key(name) for name in ("rsa", "ec", "p384", "p521", "ed")]
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key().public_numbers().n.to_bytes(128)
    made = {
        "ec": [tokens.public_key("ec")],
        "all": [{**key, "use": "sig", "x5c": ["ignored"]} for key in good],
        "private": [{**tokens.public_key("ec"), "d": "AQ"}],
        "short": [{"kty": "RSA", "e": "AQAB", "n": base64.urlsafe_b64encode(short).rstrip(b"=").decode()}],
        "alg": [{**tokens.public_key("p384"), "alg": "ES256"}],
    }
    return {f"jwks_{name}": json.dumps({"keys": keys}) for name, keys in made.items()}


def _pem(key: Any, encryption: serialization.KeySerializationEncryption) -> str:
    pem: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return pem.decode()


def _self_signed(key: Any) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bookinfo.example.com")])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(begin).not_valid_after(begin + datetime.timedelta(days=3650))
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM).decode()

"""Public keys that sign tokens: a JSON Web Key Set (RFC 7517, 7518, 8037) as text in, only what verifies signatures out.

Symmetric keys and private members are refused: a key that could also sign has no place in a configuration.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

MAX_KEYS = 64
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_CURVES: Mapping[str, tuple[ec.EllipticCurve, str]] = {
    "P-256": (ec.SECP256R1(), "ES256"),
    "P-384": (ec.SECP384R1(), "ES384"),
    "P-521": (ec.SECP521R1(), "ES512"),
}
_RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})


class BadKeys(ValueError):
    """What is wrong with a key set, without its text."""


def public_keys(text: str, *, skip: bool = False) -> str:
    """The same set as JSON with nothing but public members, in the order of the text. skip: without keys that are not usable, as long as
    one is. Raises BadKeys."""
    try:
        document = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise BadKeys("must be a JSON Web Key Set" + (f": {error}" if isinstance(error, BadKeys) else "")) from None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not keys:
        raise BadKeys("must be a JSON Web Key Set with at least one key in 'keys'")
    if len(keys) > MAX_KEYS:
        raise BadKeys(f"must not hold more than {MAX_KEYS} keys")
    made = []
    for index, key in enumerate(keys):
        try:
            made.append(_public(key))
        except BadKeys as error:
            if not skip:
                raise BadKeys(f"key {index}: {error}") from None
    if not made:
        raise BadKeys("must hold a key that is usable")
    return json.dumps({"keys": made}, separators=(",", ":"))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers of a member that stands twice could read two keys."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadKeys("a member stands twice")
    return found


def _public(key: object) -> dict[str, str]:
    if not isinstance(key, dict):
        raise BadKeys("must be an object")
    kind = key.get("kty")
    if kind == "oct":
        raise BadKeys("is symmetric: whoever verifies with it could sign")
    if secret := sorted(_SECRET_MEMBERS & set(key)):
        raise BadKeys(f"holds the private member '{secret[0]}'")
    if key.get("use", "sig") != "sig":
        raise BadKeys("must be for signatures ('use': 'sig')")
    common = {name: _text(key, name) for name in ("kid", "alg") if name in key}
    if kind == "RSA":
        return {**dict(_rsa(key, common.get("alg"))), **common, "use": "sig"}
    if kind == "EC":
        return {**dict(_elliptic(key, common.get("alg"))), **common, "use": "sig"}
    if kind == "OKP":
        return {**dict(_edwards(key, common.get("alg"))), **common, "use": "sig"}
    raise BadKeys("must be of the type RSA, EC or OKP")


def _rsa(key: Mapping[str, Any], algorithm: str | None) -> Iterator[tuple[str, str]]:
    if algorithm is not None and algorithm not in _RSA_ALGORITHMS:
        raise BadKeys("has an algorithm that is none of RSA")
    modulus, exponent = int.from_bytes(_bytes(key, "n")), int.from_bytes(_bytes(key, "e"))
    if not 2048 <= modulus.bit_length() <= 8192 or modulus % 2 == 0:
        raise BadKeys("must have an RSA modulus of 2048 to 8192 bits")
    if exponent < 3 or exponent % 2 == 0 or exponent.bit_length() > 32:
        raise BadKeys("must have an odd RSA exponent from 3 on, as AQAB")
    yield from (("kty", "RSA"), ("n", _text(key, "n")), ("e", _text(key, "e")))


def _elliptic(key: Mapping[str, Any], algorithm: str | None) -> Iterator[tuple[str, str]]:
    name = _text(key, "crv")
    if name not in _CURVES:
        raise BadKeys(f"must be on one of the curves {', '.join(_CURVES)}")
    curve, fitting = _CURVES[name]
    if algorithm not in {None, fitting}:
        raise BadKeys(f"has an algorithm that is not {fitting}, that of its curve")
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(_bytes(key, "x")), int.from_bytes(_bytes(key, "y")), curve)
    try:
        numbers.public_key()
    except ValueError:
        raise BadKeys("is not a point of its curve") from None
    yield from (("kty", "EC"), ("crv", name), ("x", _text(key, "x")), ("y", _text(key, "y")))


def _edwards(key: Mapping[str, Any], algorithm: str | None) -> Iterator[tuple[str, str]]:
    if _text(key, "crv") != "Ed25519" or algorithm not in {None, "EdDSA"}:
        raise BadKeys("must be on the curve Ed25519, for EdDSA")
    if len(_bytes(key, "x")) != 32:
        raise BadKeys("must have an 'x' of 32 bytes")
    yield from (("kty", "OKP"), ("crv", "Ed25519"), ("x", _text(key, "x")))


def _text(key: Mapping[str, Any], name: str) -> str:
    value = key.get(name)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise BadKeys(f"must have the text '{name}'")
    return value


def _bytes(key: Mapping[str, Any], name: str) -> bytes:
    text = _text(key, name)
    try:
        if "=" in text:
            raise BadKeys(f"must have '{name}' in base64url without padding")
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadKeys(f"must have '{name}' in base64url without padding") from None

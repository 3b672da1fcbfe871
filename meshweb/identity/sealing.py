"""Secrets at rest and in memory: envelope encryption with AES-256-GCM, and bytes that never print themselves.

Sealed form (binary): version 1, length of the key id, key id, nonce and wrapped data key (12 + 48 bytes), nonce and ciphertext.
A fresh data key encrypts each value; the key-encryption key wraps only data keys, so that it can be rotated by `rewrap`
without touching the values. Header and the caller's associated data (for example table and primary key) are authenticated.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = 1
_KEY_BYTES = 32
_NONCE_BYTES = 12
_WRAPPED_BYTES = _KEY_BYTES + 16
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_REDACTED = "SecretBytes(***)"


class SealError(Exception):
    """A sealed value cannot be opened: wrong key, wrong place or changed bytes. Says nothing of the content."""


class SecretBytes:
    """Bytes that redact themselves in repr, str and format, and refuse to be pickled. Only `reveal()` gives them away."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    def reveal(self) -> bytes:
        return self._value

    def __repr__(self) -> str:
        return _REDACTED

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return _REDACTED

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretBytes) and hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a hash would let the value leak into dict order and caches

    def __reduce__(self) -> NoReturn:
        raise TypeError("secrets are not pickled")

    def __copy__(self) -> SecretBytes:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> SecretBytes:
        return self


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Key-encryption keys by id (32 bytes each); `active` seals, all of them open. Raises ValueError for other sizes."""

    active: str
    keys: Mapping[str, SecretBytes] = field(repr=False)

    def __post_init__(self) -> None:
        if self.active not in self.keys:
            raise ValueError(f"no key with the active id {self.active!r}")
        for key_id, key in self.keys.items():
            if not _KEY_ID.fullmatch(key_id) or len(key) != _KEY_BYTES:
                raise ValueError(f"key {key_id!r} needs an id of [A-Za-z0-9._-] and exactly {_KEY_BYTES} bytes")

    def seal(self, secret: SecretBytes, associated: bytes, *, draw: Callable[[int], bytes] = secrets.token_bytes) -> bytes:
        """Sealed form of `secret`, bound to `associated`. `draw(n)` gives n random bytes."""
        data_key = draw(_KEY_BYTES)
        nonce = draw(_NONCE_BYTES)
        return self._header(data_key, associated, draw) + nonce + _encrypt(data_key, nonce, secret.reveal(), associated)

    def open(self, sealed: bytes, associated: bytes) -> SecretBytes:
        """Raises SealError."""
        data_key, body = self._data_key(sealed, associated)
        return SecretBytes(_decrypt(data_key, body, associated))

    def rewrap(self, sealed: bytes, associated: bytes, *, draw: Callable[[int], bytes] = secrets.token_bytes) -> bytes:
        """The same value under the active key; unchanged when it is already. Raises SealError."""
        if key_id(sealed) == self.active:
            return sealed
        data_key, body = self._data_key(sealed, associated)
        return self._header(data_key, associated, draw) + body

    def _header(self, data_key: bytes, associated: bytes, draw: Callable[[int], bytes]) -> bytes:
        name = self.active.encode()
        prefix = bytes((_VERSION, len(name))) + name
        nonce = draw(_NONCE_BYTES)
        return prefix + nonce + _encrypt(self.keys[self.active].reveal(), nonce, data_key, prefix + associated)

    def _data_key(self, sealed: bytes, associated: bytes) -> tuple[bytes, bytes]:
        name = key_id(sealed)
        key = self.keys.get(name)
        if key is None:
            raise SealError(f"sealed with key {name!r}, which is not in the key ring")
        start = 2 + len(name)
        end = start + _NONCE_BYTES + _WRAPPED_BYTES
        return _decrypt(key.reveal(), sealed[start:end], sealed[:start] + associated), sealed[end:]


def key_id(sealed: bytes) -> str:
    """Id of the key-encryption key of a sealed value. Raises SealError."""
    if len(sealed) < 2 or sealed[0] != _VERSION or len(sealed) < 2 + sealed[1]:
        raise SealError("not a sealed value")
    name = sealed[2 : 2 + sealed[1]].decode("ascii", "replace")
    if not _KEY_ID.fullmatch(name):
        raise SealError("not a sealed value")
    return name


def _encrypt(key: bytes, nonce: bytes, plain: bytes, associated: bytes) -> bytes:
    return AESGCM(key).encrypt(nonce, plain, associated)


def _decrypt(key: bytes, nonce_and_text: bytes, associated: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(nonce_and_text[:_NONCE_BYTES], nonce_and_text[_NONCE_BYTES:], associated)
    except (InvalidTag, ValueError):
        raise SealError("the sealed value was changed, or belongs somewhere else") from None

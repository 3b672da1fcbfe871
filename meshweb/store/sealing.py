"""The installation's key-encryption key, and write-only values of documents as rows hold them: sealed, in base64.

A sealed value is bound to its place (kind, name, field and key): it cannot be moved to another document.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from django.conf import settings

from meshweb.core.intent import DocumentKey
from meshweb.identity.sealing import KeyRing, SealError, SecretBytes
from meshweb.kinds.base import Kind


def _key_path() -> Path:
    return Path(os.environ.get("MESHWEB_KEY_FILE") or settings.DATA_DIR / "key-encryption.key")


@cache
def key_ring() -> KeyRing:
    """From `MESHWEB_KEY_FILE`, or `key-encryption.key` in the data directory: 32 bytes as hex, 0600. Raises SealError."""
    path = _key_path()
    try:
        raw = bytes.fromhex(path.read_text().strip())
    except FileNotFoundError:
        raise SealError(f"the key-encryption key is missing: {path}") from None
    except ValueError:
        raise SealError(f"{path} does not hold a key of 64 hex digits") from None
    return KeyRing("k1", {"k1": SecretBytes(raw)})


def make_key_file() -> None:
    """Once; an existing key stays."""
    path = _key_path()
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32) + "\n")


def seal_spec(kind: Kind, key: DocumentKey, spec: object, before: object = None) -> object:
    """`spec` as it is stored. A value that `before` (a stored spec of the same document) holds already keeps its sealed form, so that
    equal values are equal in rows too. Raises SealError."""

    def seal(field: str, name: str, value: object) -> object:
        plain, place = SecretBytes(str(value).encode()), _place(key, field, name)
        known = _stored(before, field, name)
        if known is not None and _unseal(known, place) == plain:
            return known
        return base64.b64encode(key_ring().seal(plain, place)).decode()

    return kind.map_write_only(spec, seal)


def open_spec(kind: Kind, key: DocumentKey, spec: object) -> object:
    """A stored spec as its author wrote it. Raises SealError."""
    return kind.map_write_only(spec, lambda field, name, value: _opened(value, _place(key, field, name)))


def seal_body(version: str, body: bytes) -> bytes:
    """Bytes of a secret as `ConfigBlob` holds them. Raises SealError."""
    return key_ring().seal(SecretBytes(body), _blob(version))


def open_body(version: str, body: bytes) -> bytes:
    """Raises SealError."""
    return key_ring().open(body, _blob(version)).reveal()


def _blob(version: str) -> bytes:
    return f"config-blob/{version}".encode()


def _stored(spec: object, field: str, name: str) -> str | None:
    values = spec.get(field) if isinstance(spec, Mapping) else None
    found = values.get(name) if isinstance(values, Mapping) else None
    return found if isinstance(found, str) else None


def _place(key: DocumentKey, field: str, name: str) -> bytes:
    return f"document/{key.kind}/{key.namespace}/{key.name}/{field}/{name}".encode()


def _opened(value: object, place: bytes) -> str:
    found = _unseal(str(value), place)
    if found is None:
        raise SealError("the sealed value was changed, belongs somewhere else, or was sealed with a key that is not here")
    return found.reveal().decode()


def _unseal(text: str, place: bytes) -> SecretBytes | None:
    try:
        return key_ring().open(base64.b64decode(text, validate=True), place)
    except (SealError, binascii.Error):
        return None

"""Join tokens: text that a person copies to a VM once.

`mwj_` + base64url of JSON `{"i": public id, "s": secret, "u": URL of the join endpoint, "x": host:port of gRPC, "p": pin}`.
The server keeps the public id and the SHA-256 of the secret; 256 random bits need no slow hash.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from meshweb.identity.sealing import SecretBytes

PREFIX = "mwj_"
SECRET_BYTES = 32
MAX_TOKEN_CHARACTERS = 4096
_PUBLIC_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PIN = re.compile(r"[0-9a-f]{64}")
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]{1,253}):([0-9]{1,5})")


class BadToken(ValueError):
    """The text is not a join token; the message holds none of it."""


@dataclass(frozen=True, slots=True)
class JoinToken:
    """`url`: https://host:port; `xds`: host:port; `pin`: hex SHA-256 of the root CA's SubjectPublicKeyInfo."""

    public_id: str
    secret: SecretBytes
    url: str
    xds: str
    pin: str

    def __post_init__(self) -> None:
        if not _PUBLIC_ID.fullmatch(self.public_id):
            raise BadToken("the public id must be letters, digits, '-' and '_'")
        if len(self.secret) != SECRET_BYTES:
            raise BadToken(f"the secret must have {SECRET_BYTES} bytes")
        try:
            parts = urlsplit(self.url)
            acceptable = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
        except ValueError:
            acceptable = False
        if not acceptable or parts.username or parts.query or parts.fragment:
            raise BadToken("the URL must be https://host:port")
        match = _HOST_PORT.fullmatch(self.xds)
        if match is None or not 0 < int(match[2]) < 65536:
            raise BadToken("the gRPC address must be host:port")
        if not _PIN.fullmatch(self.pin):
            raise BadToken("the pin must be 64 hex digits")

    def text(self) -> str:
        """The token itself. Shown once, never logged."""
        fields = {"i": self.public_id, "s": encode_secret(self.secret), "u": self.url, "x": self.xds, "p": self.pin}
        return PREFIX + _encode(json.dumps(fields, separators=(",", ":")).encode())


def make(*, url: str, xds: str, pin: str, draw: Callable[[int], bytes] = secrets.token_bytes) -> JoinToken:
    """A new token with a random id and secret. `draw(n)` gives n random bytes. Raises BadToken for bad addresses."""
    return JoinToken(draw(9).hex(), SecretBytes(draw(SECRET_BYTES)), url.rstrip("/"), xds, pin)


def parse(text: str) -> JoinToken:
    """Raises BadToken."""
    token = text.strip()
    if len(token) > MAX_TOKEN_CHARACTERS or not token.startswith(PREFIX):
        raise BadToken(f"a join token starts with {PREFIX} and has at most {MAX_TOKEN_CHARACTERS} characters")
    try:
        fields = json.loads(_decode(token.removeprefix(PREFIX)))
    except (ValueError, RecursionError):
        raise BadToken("the join token is damaged: copy all of it") from None
    if not isinstance(fields, dict) or not all(isinstance(fields.get(key), str) for key in "isuxp"):
        raise BadToken("the join token is damaged: copy all of it")
    return JoinToken(fields["i"], decode_secret(fields["s"]), fields["u"].rstrip("/"), fields["x"], fields["p"])


def encode_secret(secret: SecretBytes) -> str:
    """The secret as the join request carries it."""
    return _encode(secret.reveal())


def decode_secret(text: str) -> SecretBytes:
    """Raises BadToken."""
    try:
        secret = _decode(text)
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise BadToken(f"the secret must be base64url of {SECRET_BYTES} bytes")
    return SecretBytes(secret)


def hash_secret(secret: SecretBytes) -> bytes:
    """What the server stores: 32 bytes."""
    return hashlib.sha256(secret.reveal()).digest()


def secret_matches(secret: SecretBytes, stored: bytes) -> bool:
    """In constant time."""
    return hmac.compare_digest(hash_secret(secret), stored)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64url") from None

"""Certificates that configuration names by file: read on this machine, from directories that its operator allowed, and watched.

Names as Istio has them: `file-cert:<certificate>~<key>` and `file-root:<file>`. What cannot be used leaves what is served as it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from meshweb.protos import message, pack

log = logging.getLogger(__name__)

PAIR, ROOTS = "file-cert:", "file-root:"
LOOK_SECONDS = 1.0
MAX_BYTES = 1024 * 1024
_TLS = "envoy.extensions.transport_sockets.tls.v3"

Stamp = tuple[tuple[int, int, int] | None, ...]
"""Inode, time of change in ns and size of each file; None: it is not there."""


class _Unusable(Exception):
    """`state`: refused, missing or bad."""

    def __init__(self, state: str, why: str) -> None:
        super().__init__(why)
        self.state = state


@dataclass(frozen=True, slots=True)
class _Entry:
    """`resource` is what Envoy gets; None: nothing yet."""

    state: str
    detail: str
    stamp: Stamp
    resource: Any = field(default=None, repr=False)


class FileSecrets:
    """`own`: the agent's own directory; nothing in it is ever served."""

    def __init__(self, directories: Iterable[Path], own: Path) -> None:
        self._directories = tuple(directories)
        self._own = own
        self._wanted: Counter[str] = Counter()
        self._entries: dict[str, _Entry] = {}
        self._listeners: set[Callable[[], None]] = set()

    def want(self, name: str) -> None:
        """From now on it is watched. Reads it at once."""
        self._wanted[name] += 1
        if name not in self._entries:
            self._take(name, self._read(name, None))

    def leave(self, name: str) -> None:
        self._wanted[name] -= 1
        if self._wanted[name] <= 0:
            del self._wanted[name]
            self._entries.pop(name, None)

    def get(self, name: str) -> Any | None:
        entry = self._entries.get(name)
        return entry.resource if entry is not None else None

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Returns what ends the listening."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def status(self) -> dict[str, dict[str, str]]:
        """By name: `state` (served, kept, refused, missing, bad) and what to know about it."""
        return {name: {"state": entry.state, "detail": entry.detail} for name, entry in sorted(self._entries.items())}

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._take_all(await asyncio.to_thread(self._read_all, dict(self._entries))):
                for listener in tuple(self._listeners):
                    listener()

    def look(self) -> bool:
        """Reads what changed, now. Whether there is something new to serve."""
        return self._take_all(self._read_all(self._entries))

    def _read_all(self, known: Mapping[str, _Entry]) -> dict[str, _Entry]:
        return {name: self._read(name, entry) for name, entry in known.items()}

    def _take_all(self, read: Mapping[str, _Entry]) -> bool:
        moved = [name for name, entry in read.items() if name in self._entries and self._take(name, entry)]
        return bool(moved)

    def _take(self, name: str, entry: _Entry) -> bool:
        """Whether there is something new to serve."""
        before = self._entries.get(name)
        self._entries[name] = entry
        if before is None or (before.state, before.detail) != (entry.state, entry.detail):
            log.log(logging.INFO if entry.state == "served" else logging.ERROR, "%s: %s, %s", name, entry.state, entry.detail)
        return entry.resource is not (before.resource if before is not None else None)

    # --- files, also on a thread --------------------------------------------------------------------------------------

    def _read(self, name: str, before: _Entry | None) -> _Entry:
        """`before` itself when it is served and no file changed."""
        kind, paths = _parse(name)
        stamp = tuple(_stamp(path) for path in paths)
        if before is not None and before.state == "served" and before.stamp == stamp:
            return before
        try:
            resource, detail = _make(kind, name, [self._content(path) for path in paths])
        except (OSError, ValueError, RuntimeError) as error:  # such as a loop of links, or a name that cannot be one
            return self._not_read(_Unusable("bad", type(error).__name__), before, stamp)
        except _Unusable as error:
            return self._not_read(error, before, stamp)
        if before is not None and before.resource is not None and before.resource.version == resource.version:
            resource = before.resource
        return _Entry("served", detail, stamp, resource)

    @staticmethod
    def _not_read(error: _Unusable, before: _Entry | None, stamp: Stamp) -> _Entry:
        if before is None or before.resource is None:
            return _Entry(error.state, str(error), stamp)
        return _Entry("kept", f"what was read before is still served: {error}", stamp, before.resource)

    def _content(self, path: str) -> bytes:
        self._check(Path(path), Path(path))
        try:
            descriptor = os.open(Path(path).resolve(), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as error:
            raise _Unusable("missing", f"{path}: {error.strerror}") from None
        try:
            # Once more what is open now: a link may have been turned in between.
            self._check(Path(path), Path(f"/proc/self/fd/{descriptor}"))
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _Unusable("refused", f"{path} is no file")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(MAX_BYTES + 1)
        finally:
            os.close(descriptor)
        if len(content) > MAX_BYTES:
            raise _Unusable("bad", f"{path} has more than {MAX_BYTES} bytes")
        return content

    def _check(self, named: Path, place: Path) -> None:
        if not self._directories:
            raise _Unusable("refused", "files are served from allowed directories only: give --credentials-dir")
        if not named.is_absolute():
            raise _Unusable("refused", f"{named} is not absolute")
        real = place.resolve()
        if not any(real.is_relative_to(directory.resolve()) for directory in self._directories):
            raise _Unusable("refused", f"{named} is in no directory of --credentials-dir")
        if real.is_relative_to(self._own.resolve()):
            raise _Unusable("refused", f"{named} is the agent's own")


def _parse(name: str) -> tuple[str, list[str]]:
    if name.startswith(PAIR):
        certificate, _, key = name.removeprefix(PAIR).partition("~")
        return PAIR, [certificate, key]
    return ROOTS, [name.removeprefix(ROOTS)]


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_ctime_ns, found.st_size


def _make(kind: str, name: str, contents: list[bytes]) -> tuple[Any, str]:
    """The resource, and until when it is good. Raises _Unusable."""
    try:
        chain = x509.load_pem_x509_certificates(contents[0])
    except ValueError:
        raise _Unusable("bad", "there are no certificates in PEM") from None
    secret = message(f"{_TLS}.Secret")(name=name)
    if kind == PAIR:
        _check_key(contents[1], chain[0])
        secret.tls_certificate.certificate_chain.inline_bytes = contents[0]
        secret.tls_certificate.private_key.inline_bytes = contents[1]
    else:
        secret.validation_context.trusted_ca.inline_bytes = contents[0]
    # Of the certificates only: a key belongs to its certificate.
    version = hashlib.sha256(contents[0]).hexdigest()[:16]
    resource = message("envoy.service.discovery.v3.Resource")(name=name, version=version)
    resource.resource.CopyFrom(pack(secret))
    return resource, f"until {min(certificate.not_valid_after_utc for certificate in chain).isoformat()}"


def _check_key(pem: bytes, leaf: x509.Certificate) -> None:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _Unusable("bad", "there is no private key in PEM, without a password") from None
    if key.public_key() != leaf.public_key():
        raise _Unusable("bad", "the key is not that of the certificate")

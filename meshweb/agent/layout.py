"""Where everything lies in the data directory."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from meshweb.agent.files import MAX_SOCKET_PATH


class BadDirectory(Exception):
    """The data directory cannot be used; the message says what to do."""


def default_data_dir() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/meshweb-agent")
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local/state") / "meshweb-agent"


@dataclass(frozen=True, slots=True)
class Layout:
    data_dir: Path

    @property
    def state(self) -> Path:
        return self.data_dir / "state.json"

    @property
    def credentials(self) -> Path:
        return self.data_dir / "credentials.json"

    @property
    def join_key(self) -> Path:
        return self.data_dir / "join.key"

    @property
    def snapshot(self) -> Path:
        return self.data_dir / "snapshot.bin"

    @property
    def bootstrap(self) -> Path:
        return self.data_dir / "bootstrap.json"

    @property
    def envoy_pid(self) -> Path:
        return self.data_dir / "envoy.json"

    @property
    def envoy_log(self) -> Path:
        return self.data_dir / "envoy.log"

    @property
    def lock(self) -> Path:
        return self.data_dir / "agent.lock"

    @property
    def pid(self) -> Path:
        return self.data_dir / "agent.pid"

    @property
    def status(self) -> Path:
        return self.data_dir / "status.json"

    @property
    def xds_socket(self) -> Path:
        return self._socket("xds.sock")

    @property
    def admin_socket(self) -> Path:
        return self._socket("admin.sock")

    def _socket(self, name: str) -> Path:
        direct = self.data_dir / name
        if len(os.fsencode(direct)) <= MAX_SOCKET_PATH:
            return direct
        # The same short directory after every restart, and nobody else's: it is checked in `prepare`.
        return self.short_dir / name

    @property
    def short_dir(self) -> Path:
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"meshweb-{os.geteuid()}-{digest}"

    def prepare(self) -> None:
        """Makes the directories (0700). Raises BadDirectory when they belong to someone else or are open to others."""
        wanted = [self.data_dir]
        if self.xds_socket.parent != self.data_dir:
            wanted.append(self.short_dir)
        for directory in wanted:
            try:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                found = directory.lstat()
            except OSError as error:
                raise BadDirectory(f"cannot make {directory}: {error.strerror}; choose another with --data-dir") from None
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                raise BadDirectory(f"{directory} belongs to another user: choose another with --data-dir")
            if found.st_mode & 0o077:
                raise BadDirectory(f"{directory} is open to other users: chmod 700 {directory}")

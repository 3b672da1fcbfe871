"""Starts the supervisor as a process of its own and reads its status file."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from meshweb.agent import process

T = TypeVar("T")
NAMES = ["postgres", "valkey", "web", "xds", "config", "tasks", "beat"]


def until(probe: Callable[[], T], seconds: float = 20.0) -> T:
    """The first true answer. Fails the test when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return answer


class Up:
    """`run` starts it; `ports`: web, TLS, xDS."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.ports = free_ports(3)
        self._environment = environment
        self._popen: subprocess.Popen[str] | None = None
        self.seen: set[process.ProcessId] = set()

    def run(self, **environment: str) -> subprocess.Popen[str]:
        kept = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.supervisor.up", str(self.data_dir), *map(str, self.ports)],
            env=kept | self._environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self._popen

    @property
    def pid(self) -> int:
        assert self._popen is not None
        return self._popen.pid

    def status(self) -> dict[str, Any]:
        path = self.data_dir / "supervisor.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"state": "none", "children": []}
        for child in found["children"]:
            if child["pid"]:
                self.seen.add(process.ProcessId(child["pid"], child["started"]))
        return found

    def child(self, name: str) -> dict[str, Any]:
        return next((child for child in self.status()["children"] if child["name"] == name), {})

    def await_ready(self) -> None:
        until(lambda: self.status()["state"] == "ready" and self.status()["pid"] == self.pid)

    def ended(self) -> bool:
        assert self._popen is not None
        return self._popen.poll() is not None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Exit status and output."""
        assert self._popen is not None
        self.status()
        if self._popen.poll() is None:
            self._popen.send_signal(number)
        output, _ = self._popen.communicate(timeout=60)
        return self._popen.returncode, output

    def alive(self) -> list[process.ProcessId]:
        """Which of the processes ever seen still run."""
        return [identity for identity in self.seen if process.alive(identity)]


def free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()

"""What is to run, and how one tells that it serves."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from meshweb.config.supervisor.launch import Account

READY_VARIABLE = "MESHWEB_READY_FILE"


def _at_once(_pid: int) -> bool:
    return True


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """`ready(pid)`: asked every few milliseconds after a start. `prepare()`: runs before each start. Times in seconds."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path | None = None
    account: Account | None = None
    prepare: Callable[[], None] = _nothing
    ready: Callable[[int], bool] = _at_once
    ready_within: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGTERM
    whole_group: bool = True
    """Whether `stop_signal` goes to the process group. PostgreSQL wants it at its first process alone."""
    grace: float = 15.0
    console: bool = True
    """Whether its lines are shown beside being kept in its log file."""
    stage: str = ""
    """Programs of one stage that were started after each other are stopped together."""


def with_ready_file(program: Program, path: Path) -> Program:
    """The program writes its pid to the file named in its environment once it serves."""

    def prepare() -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        program.prepare()

    def ready(pid: int) -> bool:
        try:
            return path.read_text().strip() == str(pid)
        except FileNotFoundError:
            return False

    return replace(program, env={**program.env, READY_VARIABLE: str(path)}, prepare=prepare, ready=ready)

"""One program without an event loop: what tests need around a server."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from meshweb.config.supervisor.launch import launch
from meshweb.config.supervisor.program import Program

_POLL = 0.01


class StandaloneFailed(Exception):
    """It ended, or does not serve in time. The message holds its last lines."""


class Standalone:
    """Its output goes to `log`, which is removed after a stop."""

    def __init__(self, program: Program, log: Path) -> None:
        self._program, self._log = program, log
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """0 when it does not run."""
        return self._popen.pid if self._popen is not None else 0

    def start(self) -> None:
        """Returns once it serves. Raises StandaloneFailed, OSError."""
        program = self._program
        program.prepare()
        output = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            self._popen = popen = launch(
                program.argv,
                env=program.env,
                output=output,
                cwd=program.cwd,
                account=program.account,
                death_signal=program.death_signal,
            )
        finally:
            os.close(output)
        deadline = time.monotonic() + program.ready_within
        while not program.ready(popen.pid):
            if popen.poll() is not None or time.monotonic() > deadline:
                tail = self._log.read_text(errors="replace")[-2000:]
                self.stop()
                raise StandaloneFailed(f"{program.name} does not start:\n{tail}")
            time.sleep(_POLL)

    def stop(self) -> None:
        """Ends the program and what it left in its group."""
        if self._popen is None:
            return
        popen, program = self._popen, self._program
        self._popen = None
        if popen.poll() is None:
            if program.whole_group:
                os.killpg(popen.pid, program.stop_signal)
            else:
                popen.send_signal(program.stop_signal)
            try:
                popen.wait(program.grace)
            except subprocess.TimeoutExpired:
                os.killpg(popen.pid, signal.SIGKILL)
                popen.wait()
        self._log.unlink(missing_ok=True)

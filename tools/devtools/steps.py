"""Runs a step: says what it does, keeps its output in a log file, says how long it took."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tools.devtools.places import LOGS, DevError

_TAIL = 20


def note(text: str) -> None:
    print(text, flush=True)


@contextlib.contextmanager
def timed(what: str) -> Iterator[None]:
    """`· what … 1.2 s`"""
    interactive = sys.stdout.isatty()
    if interactive:
        print(f"· {what} …", end="", flush=True)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        note(" failed" if interactive else f"· {what} failed")
        raise
    took = f"{time.monotonic() - began:.1f} s"
    note(f" {took}" if interactive else f"· {what}: {took}")


def run(what: str, argv: Sequence[str], *, cwd: Path, remedy: str, env: Mapping[str, str] | None = None) -> None:
    """Raises DevError with the last lines of the output and the remedy."""
    log = LOGS / f"setup-{what.split(maxsplit=1)[0].lower()}.log"
    try:
        LOGS.mkdir(parents=True, exist_ok=True)
        with timed(what), log.open("wb") as output:
            done = subprocess.run(
                argv,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
            if done.returncode != 0:
                raise DevError(_explain(what, log, remedy))
    except OSError as error:
        raise DevError(f"{what}: {error.strerror}: {error.filename}. {remedy}") from None


def _explain(what: str, log: Path, remedy: str) -> str:
    lines = log.read_text(errors="replace").splitlines()
    if any("No space left on device" in line or "ENOSPC" in line for line in lines):
        remedy = "The disk is full: free some space (about 2 GB are needed)."
    tail = "\n".join(f"    {line}" for line in lines[-_TAIL:])
    return f"{what} failed; its last lines (all of them: {log}):\n{tail}\n  {remedy}"

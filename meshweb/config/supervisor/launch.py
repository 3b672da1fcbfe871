"""Starts one child so that it cannot outlive its parent, also when the parent is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Loaded here: between fork and exec nothing may be imported.
_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a child runs as."""

    uid: int
    gid: int


def launch(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    output: int,
    cwd: Path | None = None,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """A child in a process group of its own, without input, both outputs in the descriptor `output`.

    It gets `death_signal` when the calling *thread* ends: call this from a thread that lives as long as the program.
    Raises OSError when it cannot be started.
    """
    return subprocess.Popen(
        argv,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        # Ctrl-C in a terminal goes to the whole foreground group; the order of the stop is the parent's.
        process_group=0,
        # Runs after the change of user, which would clear the setting.
        preexec_fn=_bound_to(os.getpid(), death_signal),  # noqa: PLW1509 - two system calls, nothing that takes a lock
        user=account.uid if account is not None else None,
        group=account.gid if account is not None else None,
        extra_groups=() if account is not None else None,
    )


def _bound_to(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    def in_child() -> None:
        if _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0) != 0 or os.getppid() != parent:
            os._exit(127)  # the parent ended meanwhile: no one would ever end this child

    return in_child

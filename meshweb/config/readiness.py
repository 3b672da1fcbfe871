"""How a process tells its supervisor that it serves."""

from __future__ import annotations

import os
from pathlib import Path


def announce() -> None:
    """Writes the own process id to `MESHWEB_READY_FILE`, when a supervisor asked for it."""
    path = os.environ.get("MESHWEB_READY_FILE")
    if not path:
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(".new")
    temporary.write_text(f"{os.getpid()}\n")
    temporary.replace(target)

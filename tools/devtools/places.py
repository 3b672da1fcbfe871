"""Where things lie in the repository."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
FRONTEND = ROOT / "frontend"
STAMPS = VENV / ".meshweb"
LOGS = ROOT / ".run" / "logs"


class DevError(Exception):
    """One clear sentence with the remedy; the exit code is 1."""

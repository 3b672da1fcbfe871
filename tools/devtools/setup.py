"""From a clone to something that runs: Python packages, console packages, console build."""

from __future__ import annotations

import fcntl
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.devtools import stamps, steps
from tools.devtools.places import FRONTEND, PYTHON, ROOT, STAMPS, VENV, DevError

_NEEDED_BYTES = 2 * 1024**3
_NODE = (20, 19)
_CONSOLE_INPUTS = (
    "src",
    "public",
    "index.html",
    "openapi.json",
    "vite.config.ts",
    "tsconfig.json",
    "package.json",
    "package-lock.json",
    ".npmrc",
)


def set_up(*, console: bool = True) -> None:
    """Does what is not done yet. Raises DevError."""
    _check_machine()
    lock = _lock()
    try:
        _python_packages()
        if console:
            _console()
    finally:
        os.close(lock)


def _check_machine() -> None:
    if sys.platform != "linux":
        raise DevError(f"meshweb runs on Linux, not on {platform.system()}: use a Linux machine, VM or container")
    if platform.machine().lower() not in {"x86_64", "amd64", "aarch64", "arm64"}:
        raise DevError(f"there are no packages for {platform.machine()}: use x86_64 or aarch64")
    if not os.access(ROOT, os.W_OK):
        raise DevError(f"{ROOT} cannot be written to: clone meshweb to a directory of your own")
    if not STAMPS.exists() and shutil.disk_usage(ROOT).free < _NEEDED_BYTES:
        raise DevError(f"less than 2 GB are free on the disk of {ROOT}: free some space")


def _lock() -> int:
    """Two set-ups at once would break each other's files: the second waits."""
    directory = ROOT / ".run"
    directory.mkdir(exist_ok=True)
    descriptor = os.open(directory / "setup.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        steps.note("· another set-up runs here: waiting for it")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _python_packages() -> None:
    wanted = stamps.digest([ROOT / "requirements.txt", ROOT / "pyproject.toml"], platform.python_version(), str(ROOT))
    if stamps.is_done("python", wanted) and PYTHON.exists():
        return
    if not PYTHON.exists():
        remedy = "Is Python's venv module there? Debian, Ubuntu: apt-get install python3-venv"
        steps.run("virtual environment .venv", [sys.executable, "-m", "venv", str(VENV)], cwd=ROOT, remedy=remedy)
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "off"]
    steps.run(
        "Python packages (requirements.txt, by hash)",
        [*pip, "--require-hashes", "--only-binary", ":all:", "-r", "requirements.txt"],
        cwd=ROOT,
        remedy="Is the package index reachable? Then try again; or remove .venv and start anew.",
    )
    steps.run(
        "meshweb itself",
        [*pip, "--no-deps", "--no-build-isolation", "-e", "."],
        cwd=ROOT,
        remedy="Remove .venv and start anew.",
    )
    stamps.done("python", wanted)


def _console() -> None:
    if not (FRONTEND / "package-lock.json").exists():
        raise DevError(f"{FRONTEND / 'package-lock.json'} is missing: is this a whole clone?")
    npm, node = _node()
    wanted = stamps.digest([FRONTEND / "package-lock.json", FRONTEND / ".npmrc"], node)
    if not (stamps.is_done("node", wanted) and (FRONTEND / "node_modules").is_dir()):
        steps.run(
            "console packages (package-lock.json)",
            [npm, "ci", "--no-audit", "--no-fund"],
            cwd=FRONTEND,
            remedy="Is the npm registry reachable? Then try again.",
        )
        stamps.done("node", wanted)
    wanted = stamps.digest([FRONTEND / name for name in _CONSOLE_INPUTS], node)
    if not (stamps.is_done("console", wanted) and (FRONTEND / "dist" / "index.html").exists()):
        steps.run("build of the console", [npm, "run", "build"], cwd=FRONTEND, remedy="Mend what the lines above name.")
        stamps.done("console", wanted)


def _node() -> tuple[str, str]:
    """Paths to npm, and Node's version. Raises DevError."""
    wanted = ".".join(map(str, _NODE))
    how = f"install Node {wanted} or newer with npm (https://nodejs.org, or your distribution's nodejs and npm)"
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise DevError(f"{'node' if node is None else 'npm'} is not found; the console needs it: {how}")
    text = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    found = re.match(r"v(\d+)\.(\d+)", text)
    if found is None or (int(found[1]), int(found[2])) < _NODE:
        raise DevError(f"Node {text or '(unknown)'} at {Path(node)} is too old: {how}")
    return npm, text

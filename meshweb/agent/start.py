"""From a command line to a running agent, and back: lock, flags, join, run; leave."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import logging
import os
import re
import signal
import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from meshweb.agent import envoy, files, loopback, process
from meshweb.agent.join import Joined, JoinRefused, TryAgain, join
from meshweb.agent.layout import BadDirectory, Layout
from meshweb.agent.runner import Agent, Allowed
from meshweb.agent.state import Flags, State, forget, load_credentials, load_state, save_state
from meshweb.identity import join_token

log = logging.getLogger("meshweb.agent")

_LEAVE_SECONDS = 30.0
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class StartError(Exception):
    """Shown as one line with the remedy."""


class WrongUsage(StartError):
    """The flags contradict each other."""


def start(layout: Layout, options: argparse.Namespace, token_text: str | None) -> None:
    """Joins if need be and serves until a signal. Raises StartError."""
    logging.basicConfig(
        level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z"
    )
    try:
        layout.prepare()
        held = [files.lock(layout.lock)]
        token = join_token.parse(token_text) if token_text else None
        binary = envoy.find_binary(options.envoy)
        version = envoy.version(binary)
        state = load_state(layout)
        flags, lock = _flags(options, state, token)
        held += [lock] if lock is not None else []
        joined = _joined(layout, state, flags, token, options, version)
        cores = os.cpu_count() or 1
        settings = envoy.EnvoyOptions(binary, options.concurrency or min(2, cores), max(options.drain_seconds, 0.0))
        directories = tuple(directory.absolute() for directory in options.credentials_dir)
        asyncio.run(_serve(layout, joined, settings, version, Allowed(directories, options.allow_exec_probes)))
    except files.InUse:
        raise StartError(f"another agent uses {layout.data_dir}: stop it, or give another --data-dir") from None
    except join_token.BadToken as error:
        raise StartError(f"--token: {error}") from None
    except (BadDirectory, JoinRefused, TryAgain, loopback.NoAddress, envoy.EnvoyError) as error:
        raise StartError(str(error)) from None
    except ValueError as error:
        raise StartError(f"{error}; meshweb-agent leave, then join with a new token") from None
    except OSError as error:
        raise StartError(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}") from None


async def _serve(layout: Layout, joined: Joined, options: envoy.EnvoyOptions, version: str, allowed: Allowed) -> None:
    for directory in allowed.credential_dirs:
        if not directory.is_dir():
            log.warning("--credentials-dir %s is not there", directory)
    state, credentials = joined.state, joined.credentials
    agent = Agent(layout, state, credentials, envoy=options, envoy_version=version, allowed=allowed)
    log.info("%s is %s", state.proxy, state.identity)
    await agent.run()


def _joined(
    layout: Layout,
    state: State | None,
    flags: Flags,
    token: join_token.JoinToken | None,
    options: argparse.Namespace,
    version: str,
) -> Joined:
    credentials = load_credentials(layout)
    if state is not None and credentials is not None:
        ended = credentials.ends <= datetime.now(UTC)
        if not ended or token is None:
            if ended:
                log.error("the certificate ended %s: only a join with a new token helps", credentials.ends)
            elif token is not None:
                log.info("already joined as %s: the token is not used", state.proxy)
            if state.flags != flags:
                state = replace(state, flags=flags)
                save_state(layout, state)
            return Joined(state, credentials)
    if token is None:
        raise JoinRefused("not joined yet: give a token with --token or MESHWEB_JOIN_TOKEN")
    name = _name(options.name or (state.name if state is not None else None))
    return join(layout, token, name=name, flags=flags, envoy_version=version)


def _name(wanted: str | None) -> str:
    name = wanted or socket.gethostname().partition(".")[0].lower().replace("_", "-")
    if not _LABEL.fullmatch(name):
        raise JoinRefused(f"--name {name!r} must be a DNS label: lower-case letters, digits and '-', at most 63")
    return name


def _flags(options: argparse.Namespace, state: State | None, token: join_token.JoinToken | None) -> tuple[Flags, int | None]:
    """What was given now, else what was used before, else the defaults; and the lock of the loopback range."""
    before = state.flags if state is not None else None
    gateway = _gateway(options, before)
    url = token.url if token is not None else state.url if state is not None else None
    bind = options.bind or (before.bind if before is not None else None)
    if bind is None:
        if url is None:
            raise JoinRefused("not joined yet: give a token with --token or MESHWEB_JOIN_TOKEN")
        bind = loopback.address_towards(url)
    bind = _address("--bind", bind)
    if gateway:
        return Flags("explicit", bind, "127.0.0.1", loopback.DEFAULT_RANGE, gateway), None
    app_address = _address("--app-address", options.app_address or (before.app_address if before else "127.0.0.1"))
    if bind == app_address:
        raise loopback.NoAddress(
            f"sidecar and application cannot both listen on {bind}: give --bind (other sidecars call there), or --app-address"
        )
    given = loopback.parse_range(options.loopback_range) if options.loopback_range else None
    if given is not None:
        chosen, lock = given, None
    else:
        chosen, lock = loopback.claim_range(bind, before.loopback_range if before is not None else None)
    mode = options.mode or (before.mode if before is not None else "loopback")
    return Flags(mode, bind, app_address, chosen), lock


def _gateway(options: argparse.Namespace, before: Flags | None) -> str:
    """Raises WrongUsage: a gateway has no application whose calls it could take."""
    given: str | None = options.gateway
    gateway = given if given is not None else before.gateway if before is not None else ""
    if gateway and not _LABEL.fullmatch(gateway):
        raise WrongUsage(f"--gateway {gateway!r} must be a DNS label: lower-case letters, digits and '-', at most 63")
    senseless = ("mode", "app_address", "loopback_range")
    flags = [f"--{name.replace('_', '-')}" for name in senseless if getattr(options, name)]
    if gateway and flags:
        remedy = "leave them out" if given else "give --gateway '' to make it a sidecar again"
        raise WrongUsage(f"gateway {gateway} has no application: {', '.join(flags)} say nothing; {remedy}")
    return gateway


def _address(flag: str, text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise loopback.NoAddress(f"{flag} {text}: give an IP address") from None


def leave(layout: Layout) -> list[str]:
    """Stops agent and Envoy (drained) and forgets everything but the log. Raises StartError."""
    if not layout.data_dir.exists():
        return []
    asyncio.run(_stop(layout))
    try:
        lock = files.lock(layout.lock)
    except files.InUse:
        raise StartError("the agent does not end: see its log, then try again") from None
    try:
        return forget(layout)
    finally:
        os.close(lock)


async def _stop(layout: Layout) -> None:
    found = files.read_json(layout.pid)
    if found is not None:
        running = process.ProcessId(found["pid"], found["started"])
        if process.send(running, signal.SIGTERM):
            try:
                async with asyncio.timeout(_LEAVE_SECONDS):
                    await process.wait(running)
            except TimeoutError:
                raise StartError(f"the agent, pid {running.pid}, does not end") from None
    orphan = envoy.recorded(layout)  # the agent was killed and Envoy went on
    if orphan is not None:
        supervisor = envoy.Envoy(layout, envoy.EnvoyOptions(Path("envoy"), 1, 5.0))
        await supervisor.end_orphan(orphan[0])

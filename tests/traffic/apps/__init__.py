"""Applications of the rig, in process: each says what it saw, and misbehaves when it is asked to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Protocol

from tests.traffic import mesh
from tests.traffic.apps.grpc import GrpcApp
from tests.traffic.apps.tcp import EchoApp, GreetingApp, TlsApp
from tests.traffic.apps.web import WebApp
from tests.traffic.model import Book
from tests.traffic.world import World

OUTSIDE = "world"
"""Name of the applications outside the mesh."""


class App(Protocol):
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


async def start_apps(vms: Iterable[mesh.Vm], book: Book, world: World) -> list[App]:
    """One of each kind on every VM, behind its sidecar, and those of the world on 127.0.0.1."""
    apps: list[App] = []
    for vm in vms:
        name, host = vm.name, vm.app_address
        apps += [WebApp(name, host, mesh.HTTP, book), WebApp(name, host, mesh.H2C, book)]
        apps += [WebApp(name, host, mesh.HTTPS, book, world)]
        apps += [GrpcApp(name, host, mesh.GRPC, book), EchoApp(name, host, mesh.TCP)]
        apps += [GreetingApp(name, host, mesh.GREETING), TlsApp(name, host, mesh.TLS, world=world)]
    local = "127.0.0.1"
    apps += [WebApp(OUTSIDE, local, 0, book), WebApp(OUTSIDE, local, 0, book, world)]
    apps += [EchoApp(OUTSIDE, local, 0), TlsApp(OUTSIDE, local, 0, world=world)]
    await asyncio.gather(*(app.start() for app in apps))
    return apps


def world_ports(apps: Iterable[App]) -> Mapping[str, str]:
    """What may stand as `$(world http)` in documents."""
    found = {}
    for app in apps:
        if isinstance(app, WebApp | EchoApp) and app.name == OUTSIDE:
            kind = (
                ("https" if app.world else "http") if isinstance(app, WebApp) else "tls" if isinstance(app, TlsApp) else "tcp"
            )
            found[f"{OUTSIDE} {kind}"] = str(app.bound)
    return found

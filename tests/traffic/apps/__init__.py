"""Applications of the rig, in process: each says what it saw, and misbehaves when it is asked to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from tests.traffic import mesh
from tests.traffic.apps.grpc import GrpcApp
from tests.traffic.apps.tcp import EchoApp, GreetingApp, TlsApp
from tests.traffic.apps.web import WebApp
from tests.traffic.model import Book


class App(Protocol):
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


async def start_apps(vms: Iterable[mesh.Vm], book: Book) -> list[App]:
    """One of each kind on every VM, behind its sidecar."""
    apps: list[App] = []
    for vm in vms:
        name, host = vm.name, vm.app_address
        apps += [WebApp(name, host, mesh.HTTP, book), WebApp(name, host, mesh.H2C, book)]
        apps += [GrpcApp(name, host, mesh.GRPC, book), EchoApp(name, host, mesh.TCP)]
        apps += [GreetingApp(name, host, mesh.GREETING), TlsApp(name, host, mesh.TLS)]
    await asyncio.gather(*(app.start() for app in apps))
    return apps

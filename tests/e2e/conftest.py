from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio

from tests import factories as make
from tests.e2e.rig import ControlPlane, Vm, running

DOCUMENTS = (
    make.namespace(),
    make.service("web"),
    make.service("pay"),
    make.service("pay-a", app="pay", version="a"),
    make.service("pay-b", app="pay", version="b"),
    make.group("web"),
    make.group("pay-a", app="pay", version="a"),
    make.group("pay-b", app="pay", version="b"),
    make.route("pay", {"pay-a": 1, "pay-b": 1}),
)


@dataclass
class Mesh:
    """web calls pay, which is split over pay-a and pay-b."""

    plane: ControlPlane
    web: Vm
    a: Vm
    b: Vm


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def mesh() -> AsyncIterator[Mesh]:
    plane = ControlPlane()
    web, a, b = Vm(plane, 1, "web"), Vm(plane, 2, "pay-a"), Vm(plane, 3, "pay-b")
    async with running(plane, (web, a, b)):
        await plane.start()
        await plane.apply(*DOCUMENTS)
        for vm in (web, a, b):
            await vm.join()
        await plane.synced(web.proxy, a.proxy, b.proxy)
        yield Mesh(plane, web, a, b)

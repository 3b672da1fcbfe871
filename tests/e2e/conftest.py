from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests import factories as make
from tests.e2e.rig import ControlPlane, Vm, running
from tests.jwks_server import KeyServer

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
    """web calls pay, which is split over pay-a and pay-b. keys: where public keys of users' tokens can be fetched."""

    plane: ControlPlane
    web: Vm
    a: Vm
    b: Vm
    keys: KeyServer


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    keys = KeyServer(tmp_path_factory.mktemp("keys"))
    plane = ControlPlane(
        MESHWEB_OUTBOUND_ALLOWED="127.0.0.0/8", MESHWEB_OUTBOUND_CA_FILE=str(keys.ca), MESHWEB_JWKS_REFRESH_SECONDS="1"
    )
    web, a, b = Vm(plane, 1, "web"), Vm(plane, 2, "pay-a"), Vm(plane, 3, "pay-b")
    with keys.running():
        async with running(plane, (web, a, b)):
            await plane.start()
            await plane.apply(*DOCUMENTS)
            for vm in (web, a, b):
                await vm.join()
            await plane.synced(web.proxy, a.proxy, b.proxy)
            yield Mesh(plane, web, a, b, keys)

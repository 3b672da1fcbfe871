"""CUSTOM policies on connections that are open when they come, or when their providers do."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.traffic.cases import Case, File, Wire
from tests.traffic.conftest import Driver
from tests.traffic.mesh import HTTP
from tests.traffic.model import Request, Response

Json = dict[str, Any]


def _provider(**changes: Any) -> Json:
    http = {"service": "pay-a.shop", "port": HTTP, "includeRequestHeadersInCheck": ["x-status"], **changes}
    spec = {"extensionProviders": [{"name": "pay", "envoyExtAuthzHttp": http}]}
    return {"apiVersion": "meshweb.io/v1", "kind": "MeshConfig", "metadata": {"name": "default"}, "spec": spec}


_POLICY = {
    "apiVersion": "security.istio.io/v1",
    "kind": "AuthorizationPolicy",
    "metadata": {"name": "ask", "namespace": "shop"},
    "spec": {"action": "CUSTOM", "provider": {"name": "pay"}, "rules": [{"to": [{"operation": {"paths": ["/asked"]}}]}]}
    | {"selector": {"matchLabels": {"app": "web"}}},
}


def _case(name: str, *documents: Json) -> Case:
    return Case(f"open/{name}", File(documents=yaml.safe_dump_all(documents)))


def _request(path: str, wire: Wire, **headers: str) -> Request:
    alpn = ("meshweb", {"h1": "http/1.1"}.get(wire, wire))
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Request("GET", path, "web.shop", named, b"", tls=True, identity="shop/api", alpn=alpn)


@pytest.mark.parametrize("wire", ["h1", "h2"])
def test_who_is_asked_on_a_connection_that_was_open_before(driver: Driver, wire: Wire) -> None:
    rig = driver.rig
    address = (rig.vms["shop/web-1"].bind, HTTP)

    async def opened() -> Any:
        caller = rig.calls.kept(wire, address)
        assert (await caller.call(_request("/x", wire))).status == 200
        return caller

    async def use(name: str, *documents: Json) -> None:
        await rig.use(_case(f"{name} {wire}", *documents))

    async def asked(caller: Any, **headers: str) -> int:
        """0: the connection is closed, as each is at its next answer when its listener is another."""
        try:
            status: int = (await caller.call(_request("/asked", wire, **headers))).status
        except OSError:
            return 0
        return status

    async def fresh(path: str, **headers: str) -> int:
        found: list[Response] = await rig.calls.many(wire, address, [_request(path, wire, **headers)])
        return found[0].status

    async def run() -> None:
        await use("nothing")
        first = await opened()
        await use("a provider and who asks it", _provider(), _POLICY)
        assert await asked(first) in {0, 403}, "the connection does not know the provider"
        assert await fresh("/asked") == 200

        await use("the provider alone", _provider())
        second = await opened()
        await use("and who asks it", _provider(), _POLICY)
        assert await asked(second, x_status="401") == 401, "asked at the next request"

        third = await opened()
        await use("another definition", _provider(statusOnError="503"), _POLICY)
        assert await asked(third) in {0, 403}, "it knows only the one of then"

        fourth = await opened()
        await use("no provider any more", _POLICY)
        assert await asked(fourth) in {0, 403}
        assert await fresh("/asked") == 403
        assert await fresh("/x") == 200
        for caller in (first, second, third, fourth):
            caller.close()

    driver.run(run())

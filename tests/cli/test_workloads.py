"""`meshctl workload` and `meshctl proxy endpoints`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli import shapes
from tests.cli.conftest import Meshctl
from tests.cli.server import Answer, Server


def _out(caller: str, state: str) -> dict[str, Any]:
    place = {"service": "shop/pay", "port": 8080, "address": "10.0.0.2:8080"}
    return {"caller": caller, "state": state, "since": shapes.NOW, "at": shapes.NOW, **place}


def _workload(*out: dict[str, Any], health: str = "healthy", callers: int = 3) -> dict[str, Any]:
    healthy = callers - len({each["caller"] for each in out})
    return {
        "id": "shop/pay-1",
        "address": "10.0.0.2",
        "identity": "spiffe://cluster.local/ns/shop/sa/pay",
        "services": ["shop/pay"],
        "joined": True,
        "connected": True,
        "health": {"state": health, "reason": "", "at": shapes.NOW},
        "seen": {"callers": callers, "healthy": healthy, "at": shapes.NOW, "out": list(out)},
    }


@pytest.mark.parametrize(
    ("workload", "code", "words"),
    [
        (_workload(), 0, "3 of 3 healthy"),
        (_workload(callers=0), 0, "nobody called it"),
        (_workload(_out("shop/web-1", "ejected")), 3, "2 of 3 healthy, 1 ejected"),
        (_workload(_out("shop/web-1", "ejected"), _out("shop/web-2", "failing")), 3, "1 of 3 healthy, 1 ejected, 1 failing"),
        (_workload(health="unhealthy"), 3, "3 of 3 healthy"),
    ],
)
def test_a_workload_is_shown_as_both_sides_see_it(
    meshctl: Meshctl, server: Server, workload: dict[str, Any], code: int, words: str
) -> None:
    server.replies["GET /workloads/shop/pay-1"] = Answer(workload)
    server.replies["GET /workloads"] = Answer(shapes.page(workload))
    ran = meshctl("workload", "get", "shop/pay-1")
    assert ran.code == code
    assert words in ran.out
    assert all(each["caller"] in ran.out for each in workload["seen"]["out"])
    listed = meshctl("workload", "list", "--service", "shop/pay")
    assert (listed.code, words in listed.out) == (0, True)
    assert server.calls[-1].query["service"] == "shop/pay"
    assert json.loads(meshctl("workload", "get", "shop/pay-1", "-o", "json").out) == workload


def test_a_proxy_shows_the_endpoints_it_calls(meshctl: Meshctl, server: Server) -> None:
    found = {"proxy": "shop/web-1", "at": shapes.NOW, "endpoints": [_out("shop/web-1", "ejected")]}
    server.replies["GET /proxies/shop/web-1/endpoints"] = Answer(found)
    ran = meshctl("proxy", "endpoints", "shop/web-1")
    assert ran.code == 0
    assert "shop/pay:8080" in ran.out
    assert "ejected" in ran.out
    server.replies["GET /proxies/shop/web-1/endpoints"] = Answer({"proxy": "shop/web-1", "at": None, "endpoints": []})
    assert "it called nobody" in meshctl("proxy", "endpoints", "shop/web-1").out

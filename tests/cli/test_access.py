"""`meshctl access-matrix`."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.cli import shapes
from tests.cli.conftest import Meshctl
from tests.cli.server import Answer, Call, Server

Json = dict[str, Any]


def _cell(caller: str, service: str, state: str, requests: int = 0, denied: int = 0, **changes: Any) -> Json:
    access = "denied" if state == "denied" else "allowed"
    cell = {"caller": caller, "service": service, "access": access, "state": state, "everyone": False, "reasons": []}
    counts = {"requests": requests, "denied": denied, "lastSeen": shapes.NOW if requests else None}
    return {**cell, **counts, "reason": "because", **changes}


def _page(cells: list[Json], services: list[str], following: str | None, left_out: int = 0) -> Json:
    return {
        "from": shapes.NOW,
        "to": shapes.NOW,
        "revision": 7,
        "callers": [{"name": cell["caller"], "kind": "service", "identities": []} for cell in cells],
        "services": [{"name": name, "ports": [8080], "workloads": 1} for name in services],
        "cells": cells,
        "leftOut": {"callers": left_out, "services": 1},
        "next": following,
    }


def _pages(call: Call) -> Answer:
    if call.query.get("cursor") == "shop/pay":
        cells = [_cell("shop/web", "shop/web", "denied"), _cell("shop/cart", "shop/web", "undeclared", 3, everyone=False)]
        return Answer(_page(cells, ["shop/web"], None))
    cells = [
        _cell("shop/web", "shop/pay", "allowed", 40, everyone=True),
        _cell("shop/cart", "shop/pay", "denied", 6, 6),
        _cell("shop/old", "shop/pay", "denied"),
    ]
    return Answer(_page(cells, ["shop/pay"], "shop/pay", left_out=4))


def test_what_wants_to_be_seen_comes_first(meshctl: Meshctl, server: Server) -> None:
    server.replies["GET /access-matrix"] = _pages
    ran = meshctl("access-matrix", "--from", "shop/web", "-n", "shop", "--window", "5m")
    assert ran.code == 0
    lines = [line.split() for line in ran.out.splitlines()]
    assert [line[:4] for line in lines[1:4]] == [
        ["shop/cart", "shop/web", "yes", "undeclared"],
        ["shop/cart", "shop/pay", "no", "denied"],
        ["shop/web", "shop/pay", "yes", "allowed"],
    ]
    assert "allowed (rule for everyone)" in ran.out
    assert "2 pairs may not call and did not try" in ran.out
    assert "up to 4 callers are left out" in ran.out
    query = server.calls[0].query
    assert (query["caller"], query["namespace"], query["window"]) == ("shop/web", "shop", "5m")
    assert "shop/old" in meshctl("access-matrix", "--all").out


def test_programs_get_one_matrix_of_all_pages(meshctl: Meshctl, server: Server) -> None:
    server.replies["GET /access-matrix"] = _pages
    found = json.loads(meshctl("access-matrix", "-o", "json").out)
    assert ([s["name"] for s in found["services"]], len(found["cells"])) == (["shop/pay", "shop/web"], 5)
    assert (found["leftOut"], found["next"]) == ({"callers": 4, "services": 0}, None)
    assert yaml.safe_load(meshctl("access-matrix", "-o", "yaml").out) == found

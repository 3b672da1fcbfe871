"""`meshctl access-records`."""

from __future__ import annotations

import json

from tests.cli import shapes
from tests.cli.conftest import Meshctl
from tests.cli.server import Answer, Server


def test_each_record_with_the_rule_that_asked_for_it(meshctl: Meshctl, server: Server) -> None:
    call = {
        "at": shapes.NOW,
        "source": "shop/web",
        "identity": "spiffe://cluster.local/ns/shop/sa/web",
        "destination": "shop/pay",
        "workload": "shop/pay-1",
        "port": 8080,
        "document": "AuthorizationPolicy shop/record",
        "field": "/spec/rules/1",
    }
    items = [
        {**call, "method": "GET", "path": "/x", "status": 200, "allowed": True},
        {**call, "method": "", "path": "", "status": None, "allowed": False},
    ]
    answer = {"from": shapes.NOW, "to": shapes.NOW, "items": items, "next": "abc", "lost": 4}
    server.replies["GET /access-records"] = Answer(answer)
    ran = meshctl("access-records", "--from", "shop/web", "--policy", "shop/record", "--denied", "--window", "7d")
    said = " ".join(ran.out.split())
    assert ran.code == 0
    assert "shop/pay GET /x allowed shop/record rule 2" in said
    assert "connection to port 8080 denied" in said
    assert "more: --cursor abc 4 more were lost" in said
    query = server.calls[-1].query
    assert (query["source"], query["policy"], query["allowed"], query["window"]) == ("shop/web", "shop/record", "false", "7d")
    assert json.loads(meshctl("access-records", "-o", "json").out) == answer
    server.replies["GET /access-records"] = Answer({**answer, "items": [], "next": None, "lost": 0})
    assert "nothing was recorded in the last 1h" in meshctl("access-records").out

"""`meshctl denials`."""

from __future__ import annotations

import json

from tests.cli import shapes
from tests.cli.conftest import Meshctl
from tests.cli.server import Answer, Server


def test_each_denial_with_its_rule(meshctl: Meshctl, server: Server) -> None:
    pair = {
        "source": "shop/web",
        "destination": "shop/pay",
        "cause": "policy",
        "detail": "",
        "requests": 7,
        "lastSeen": shapes.NOW,
    }
    items = [
        {**pair, "document": "AuthorizationPolicy shop/no-admin", "field": "/spec/rules/1", "dryRun": False},
        {**pair, "document": None, "field": "", "dryRun": True},
        {**pair, "document": None, "field": "", "dryRun": False, "cause": "token", "detail": "Jwt is expired"},
        {**pair, "document": None, "field": "", "dryRun": False, "cause": "mtls"},
    ]
    server.replies["GET /denials"] = Answer({"from": shapes.NOW, "to": shapes.NOW, "items": items})
    ran = meshctl("denials", "--from", "shop/web", "--window", "1h")
    assert ran.code == 0
    assert "shop/no-admin rule 2" in ran.out
    assert "no ALLOW policy admits it (dry run, was let through)" in " ".join(ran.out.split())
    assert "a token that cannot be verified (Jwt is expired)" in " ".join(ran.out.split())
    assert "a connection without certificate" in " ".join(ran.out.split())
    assert (server.calls[-1].query["source"], server.calls[-1].query["window"]) == ("shop/web", "1h")
    assert json.loads(meshctl("denials", "-o", "json").out)["items"] == items
    server.replies["GET /denials"] = Answer({"from": shapes.NOW, "to": shapes.NOW, "items": []})
    assert "nobody was denied in the last 5m" in meshctl("denials").out

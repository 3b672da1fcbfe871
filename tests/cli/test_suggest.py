"""`meshctl suggest`: YAML that `meshctl apply -f -` takes."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.cli import shapes
from tests.cli.conftest import Meshctl
from tests.cli.server import Answer, Server

Json = dict[str, Any]
_POLICY = {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": {"name": "pay-observed-callers"}}


def _caller(name: str, **changes: Any) -> Json:
    counts = {"requests": 12, "denied": 0, "plain": 0, "lastSeen": shapes.NOW}
    return {"name": name, "identities": [], "ports": [8080], **counts, **changes}


def _item(service: str, policy: Json | None, **changes: Any) -> Json:
    lists: Json = {name: [] for name in ("admitted", "nameless", "refused", "unseen", "standing", "unknowable")}
    return {"service": service, "policy": policy, "why": "", "unseenLeftOut": 0, **lists, **changes}


def _answer(*items: Json, since: str | None = None) -> Answer:
    return Answer({"from": shapes.NOW, "to": shapes.NOW, "since": since, "revision": 7, "items": list(items)})


def test_documents_with_their_evidence_as_comments(meshctl: Meshctl, server: Server) -> None:
    told = {
        "admitted": [_caller("shop/web"), _caller("shop/cart", plain=3)],
        "nameless": [_caller("shop/old", plain=12)],
        "refused": [_caller("shop/batch", denied=9)],
        "unseen": [{"name": "shop/api", "access": "allowed", "reason": "everybody may", "reasons": []}],
        "standing": ["AuthorizationPolicy shop/all"],
        "unknowable": ["what the moon does"],
        "unseenLeftOut": 2,
    }
    other = _item("shop/db", None, why="it has no selector")
    server.replies["GET /access-suggestions"] = _answer(_item("shop/pay", _POLICY, **told), other, since=shapes.NOW)
    ran = meshctl("suggest", "--service", "shop/pay", "--window", "1h", "--enforce")
    assert list(filter(None, yaml.safe_load_all(ran.out))) == [_POLICY]
    for words in (
        "# telemetry begins only",
        "#   admits shop/web: 12 requests, last",
        "#   admits shop/cart: 12 requests, 3 without mTLS",
        "#   cannot name shop/old",
        "#   does not admit shop/batch, which is denied today: 9 requests",
        "#   not seen, and let in today: shop/api (everybody may)",
        "#   and 2 more that were not seen",
        "#   narrows nothing as long as this stands: AuthorizationPolicy shop/all",
        "#   cannot be known: what the moon does",
        "# no policy: it has no selector",
    ):
        assert words in ran.out
    query = server.calls[-1].query
    assert (query["service"], query["window"], query["enforce"]) == ("shop/pay", "1h", "true")
    assert "enforce" not in (meshctl("suggest") and server.calls[-1].query)
    assert json.loads(meshctl("suggest", "-o", "json").out)["items"][0]["policy"] == _POLICY
    assert "pay-observed-callers" in meshctl("suggest", "-o", "table").out


def test_nobody_called(meshctl: Meshctl, server: Server) -> None:
    server.replies["GET /access-suggestions"] = _answer()
    assert meshctl("suggest") == (0, "# nobody called in the last 24h\n", "")

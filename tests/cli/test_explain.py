"""`meshctl explain`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Meshctl
from tests.cli.server import Answer, Server


def _answer(decision: str) -> dict[str, Any]:
    failed = {"field": "/spec/rules/0/to/0/operation/methods", "wants": ["GET"], "negated": False, "got": "POST"}
    rules = [{"rule": 1, "matched": False, "failed": [failed]}, {"rule": 2, "matched": True, "failed": []}]
    policy = {"document": "AuthorizationPolicy shop/p", "action": "ALLOW", "dryRun": False, "matched": True, "rules": rules}
    verdict = {
        "workload": "shop/pay-1",
        "decision": "allow",
        "provider": "opa",
        "hop": "policy",
        "document": "AuthorizationPolicy shop/p",
        "field": "/spec/rules/1",
        "reason": "rule 2 of shop/p allows it",
        "policies": [policy],
        "omitted": 12,
    }
    return {
        "decision": decision,
        "reason": "because",
        "identity": "spiffe://cluster.local/ns/shop/sa/web",
        "service": "shop/pay",
        "port": 8080,
        "path": "/x",
        "revision": 7,
        "draft": False,
        "verdicts": [verdict],
    }


@pytest.mark.parametrize(
    ("decision", "code", "words"),
    [("allow", 0, "allowed"), ("deny", 3, "denied"), ("mixed", 3, "by some"), ("ask", 0, "depends on provider opa")],
)
def test_the_exit_code_is_the_answer(
    meshctl: Meshctl, server: Server, tmp_path: Path, decision: str, code: int, words: str
) -> None:
    server.replies["POST /explain"] = Answer(_answer(decision))
    draft = tmp_path / "draft.yaml"
    draft.write_text("kind: AuthorizationPolicy\nmetadata: {name: p}\n")
    asked = ["--from", "shop/web", "--to", "shop/pay", "--method", "POST", "--path", "/x?y"]
    claims = ["iss=https://a.example", "groups=a", "groups=b", 'realm={"roles": ["x"]}', "level=3", 'plain="quoted"']
    told = [part for claim in claims for part in ("--claim", claim)]
    ran = meshctl("explain", *asked, "--header", "x-role: a", "--header", "x-role:b", *told, "--draft", str(draft))
    assert ran.code == code
    assert words in ran.out
    assert "1 to/0/operation/methods" in ran.out
    assert "2 matches" in ran.out
    assert "and 12 more" in ran.out
    body = json.loads(server.calls[-1].body)
    assert (body["from"], body["path"], body["headers"]) == ("shop/web", "/x?y", {"x-role": ["a", "b"]})
    assert body["claims"] == {
        "iss": "https://a.example",
        "groups": ["a", "b"],
        "realm": {"roles": ["x"]},
        "level": 3,
        "plain": '"quoted"',
    }
    assert "name: p" in body["draft"]
    assert json.loads(meshctl("explain", *asked, "-o", "json").out) == _answer(decision)


def test_a_header_without_a_value(meshctl: Meshctl) -> None:
    ran = meshctl("explain", "--to", "shop/pay", "--header", "x-role")
    assert (ran.code, "write it as 'name: value'" in ran.err) == (2, True)

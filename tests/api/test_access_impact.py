"""A dry run says whose calls, of those that were seen, would be decided otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from tests import factories as make
from tests.api.conftest import Api
from tests.api.test_access_matrix import NAMES, of, policy, seen

Json = dict[str, Any]
_GET = [{"operation": {"methods": ["GET"]}}]
_PERMISSIVE = make.document("PeerAuthentication", "default", {"mtls": {"mode": "PERMISSIVE"}})
_STRICT = make.document("PeerAuthentication", "default", {"mtls": {"mode": "STRICT"}})


@pytest.fixture(autouse=True)
def applied(api: Api) -> None:
    documents = [
        make.namespace(),
        *(make.service(name) for name in NAMES),
        *(make.entry(f"{name}-1", f"10.0.0.{n}", name, app=name) for n, name in enumerate(NAMES, 1)),
        make.entry("batch-1", "10.0.0.9", "batch", app="batch"),
        _PERMISSIVE,
        policy("cart-callers", "cart", [{"from": of("web")}]),
        policy("pay-callers", "pay", [{"from": of("web", "cart")}, {"from": of("batch"), "to": _GET}]),
    ]
    assert api("POST", "apply", documents).status_code == 200
    seen("shop/web", "shop/pay", 40)
    seen("shop/cart", "shop/pay", 5)
    seen("shop/batch-1", "shop/pay", 9)
    seen("shop/batch-1", "shop/cart", 8, denied=8)
    seen("shop/web", "shop/free", 3, plain=3)
    seen("shop/web", "shop/gone", 3)


def _access(api: Api, *documents: Json) -> Json:
    answer = api("POST", "apply?dryRun=true", list(documents))
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()["impact"]["access"]
    return found


def _web_to_pay(action: str = "ALLOW", **metadata: Any) -> Json:
    return policy("pay-callers", "pay", [{"from": of("web")}], action, **metadata)


TABLE: dict[str, tuple[Json, list[tuple[str, str, str]]]] = {
    "nothing to do with access": (make.service("new"), []),
    "a caller less": (
        _web_to_pay(),
        [("newlyDenied", "shop/batch-1", "shop/pay"), ("newlyDenied", "shop/cart", "shop/pay")],
    ),
    "a first ALLOW policy": (policy("free-callers", "free", [{"from": of("pay")}]), [("newlyDenied", "shop/web", "shop/free")]),
    "a caller more": (policy("more", "cart", [{"from": of("batch")}]), [("newlyAllowed", "shop/batch-1", "shop/cart")]),
    "some requests more": (
        policy("more", "cart", [{"from": of("batch"), "to": _GET}]),
        [("mayChange", "shop/batch-1", "shop/cart")],
    ),
    "other requests": (
        policy(
            "pay-callers", "pay", [{"from": of("web", "cart")}, {"from": of("batch"), "to": [{"operation": {"paths": ["/x"]}}]}]
        ),
        [("mayChange", "shop/batch-1", "shop/pay")],
    ),
    "the same in other words": (
        policy("pay-callers", "pay", [{"from": of("batch"), "to": _GET}, {"from": of("cart", "web")}]),
        [],
    ),
    "no plain text any more": (_STRICT, [("newlyDenied", "shop/web", "shop/free")]),
    "a dry run decides nothing": (policy("try", "free", [], annotations={"istio.io/dry-run": "true"}), []),
    "the mesh denies by default": (
        make.document("MeshConfig", "default", {"defaultAuthorization": "DENY"}),
        [("newlyDenied", "shop/web", "shop/free")],
    ),
    "another identity": (
        make.entry("batch-1", "10.0.0.9", "web", app="batch"),
        [("newlyAllowed", "shop/batch-1", "shop/cart"), ("mayChange", "shop/batch-1", "shop/pay")],
    ),
}


@pytest.mark.parametrize(("document", "expected"), TABLE.values(), ids=TABLE)
def test_whose_calls_would_be_decided_otherwise(api: Api, document: Json, expected: list[tuple[str, str, str]]) -> None:
    found = _access(api, document)
    assert [(change["fate"], change["source"], change["destination"]) for change in found["changes"]] == expected
    fates = [fate for fate, _, _ in expected]
    counts = {name: fates.count(name) for name in ("newlyDenied", "newlyAllowed", "mayChange")}
    assert {name: found[name] for name in counts} == counts
    assert (found["callers"], found["edges"], found["requests"], found["leftOut"]) == (3, 6, 68, 0)


def test_each_edge_with_its_numbers_and_the_rule(api: Api) -> None:
    (first, *_) = _access(api, _web_to_pay())["changes"]
    assert (first["requests"], first["denied"], first["before"], first["after"]) == (9, 0, "partly", "denied")
    assert first["reason"] == "no ALLOW policy admits it (shop/pay-callers)"
    assert first["reasons"][0]["document"] == "AuthorizationPolicy shop/pay-callers"
    (change,) = _access(api, policy("no", "pay", [{"from": of("cart")}], "DENY"))["changes"]
    assert (change["source"], change["reasons"][0]["field"]) == ("shop/cart", "/spec/rules/0")
    assert change["lastSeen"] is not None


def test_a_deletion_is_asked_too_and_a_write_is_not(api: Api) -> None:
    answer = api("DELETE", "authorizationpolicies/shop/cart-callers?dryRun=true", If_Match="*").json()
    assert [change["fate"] for change in answer["impact"]["access"]["changes"]] == ["newlyAllowed"]
    assert api("POST", "apply", [_web_to_pay()]).json()["impact"]["access"] is None

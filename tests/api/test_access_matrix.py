"""Who may call whom by the documents, beside who did by telemetry."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from meshweb.store.models import EdgeBucket
from meshweb.telemetry.histogram import BUCKETS
from tests import factories as make
from tests.api.conftest import Api

Json = dict[str, Any]
NAMES = ("web", "pay", "cart", "free")


def policy(name: str, app: str, rules: list[Json], action: str = "ALLOW", **metadata: Any) -> Json:
    spec = {"selector": {"matchLabels": {"app": app}}, "action": action, "rules": rules}
    return make.document("AuthorizationPolicy", name, spec, **metadata)


def of(*accounts: str) -> list[Json]:
    return [{"source": {"principals": [f"cluster.local/ns/shop/sa/{account}" for account in accounts]}}]


def seen(source: str, destination: str, requests: int, *, denied: int = 0, ago: int = 60, **fields: Any) -> None:
    """In one bucket."""
    at = timezone.now() - timedelta(seconds=ago)
    EdgeBucket.objects.create(
        resolution=10,
        start=at.replace(second=at.second // 10 * 10, microsecond=0),
        source=source,
        destination=destination,
        c2xx=requests - denied,
        c4xx=denied,
        denied=denied,
        histogram=[0] * BUCKETS,
        **fields,
    )


@pytest.fixture(autouse=True)
def applied(api: Api) -> None:
    documents = [
        make.namespace(),
        *(make.service(name) for name in NAMES),
        *(make.entry(f"{name}-1", f"10.0.0.{n}", name) for n, name in enumerate(NAMES, 1)),
        make.entry("batch-1", "10.0.0.9", "batch", app="batch"),
        policy("pay-callers", "pay", [{"from": of("web")}, {"from": of("batch"), "to": [{"operation": {"methods": ["GET"]}}]}]),
        policy("cart-readers", "cart", [{}]),
    ]
    for document in documents:
        if document["kind"] == "WorkloadEntry":
            document["spec"]["labels"] = {"app": document["metadata"]["name"].removesuffix("-1")}
    assert api("POST", "apply", documents).status_code == 200


def _cells(api: Api, query: str = "") -> dict[str, Json]:
    answer = api("GET", f"access-matrix?{query}")
    assert answer.status_code == 200, answer.text
    return {f"{cell['caller']} {cell['service']}": cell for cell in answer.json()["cells"]}


def test_what_is_declared_beside_what_was_seen(api: Api) -> None:
    seen("shop/web", "shop/pay", 40)
    seen("shop/web", "shop/pay", 2, ago=120)
    seen("shop/cart", "shop/pay", 6, denied=6)
    seen("shop/web", "shop/free", 5)
    seen("shop/batch-1", "shop/cart", 3)
    found = _cells(api)
    said = {
        pair: tuple(cell[name] for name in ("access", "state", "requests", "denied", "everyone"))
        for pair, cell in found.items()
    }
    expected = {
        "shop/web shop/pay": ("allowed", "allowed", 42, 0, False),
        "shop/cart shop/pay": ("denied", "denied", 6, 6, False),
        "shop/batch-1 shop/pay": ("partly", "unused", 0, 0, False),
        "shop/free shop/pay": ("denied", "denied", 0, 0, False),
        "shop/web shop/free": ("allowed", "undeclared", 5, 0, False),
        "shop/pay shop/free": ("allowed", "open", 0, 0, False),
        "shop/batch-1 shop/cart": ("allowed", "allowed", 3, 0, True),
        "shop/web shop/cart": ("allowed", "unused", 0, 0, True),
    }
    assert {pair: said[pair] for pair in expected} == expected
    assert len(found) == 5 * 4
    reasons = [(r["effect"], r["document"], r["rule"], r["field"]) for r in found["shop/batch-1 shop/pay"]["reasons"]]
    assert reasons == [("allows", "AuthorizationPolicy shop/pay-callers", 2, "/spec/rules/1")]
    assert found["shop/cart shop/pay"]["reason"] == "no ALLOW policy admits it (shop/pay-callers)"
    assert found["shop/web shop/free"]["reason"] == "no ALLOW policy stands there: everybody may call"


def test_callers_have_their_identities_and_strangers_a_row(api: Api) -> None:
    seen("unknown", "shop/pay", 4, denied=4)
    make.proxy("old", spiffe_id="spiffe://cluster.local/ns/shop/sa/web")
    seen("shop/old", "shop/pay", 4)
    callers = {
        caller["name"]: (caller["kind"], caller["identities"]) for caller in api("GET", "access-matrix").json()["callers"]
    }
    assert callers["shop/web"] == ("service", ["spiffe://cluster.local/ns/shop/sa/web"])
    assert callers["shop/batch-1"] == ("workload", ["spiffe://cluster.local/ns/shop/sa/batch"])
    assert callers["shop/old"] == ("workload", ["spiffe://cluster.local/ns/shop/sa/web"])
    assert callers["unknown"] == ("unknown", [""])
    assert _cells(api)["unknown shop/pay"]["reason"] == "the mesh's default wants mTLS, and it has no certificate"


def test_a_large_mesh_comes_in_pages_that_say_what_is_left_out(api: Api) -> None:
    seen("shop/cart", "shop/pay", 6, denied=6)
    first = api("GET", "access-matrix?limit=2").json()
    assert [service["name"] for service in first["services"]] == ["shop/cart", "shop/free"]
    assert first["leftOut"] == {"callers": 3, "services": 2}
    second = api("GET", f"access-matrix?limit=2&cursor={first['next']}").json()
    assert ([service["name"] for service in second["services"]], second["next"]) == (["shop/pay", "shop/web"], None)
    assert second["callers"][0]["name"] == "shop/cart", "who was denied comes first"
    assert len(second["cells"]) == 2 * 2
    one = api("GET", "access-matrix?caller=shop/web&service=shop/pay").json()
    assert (len(one["cells"]), one["leftOut"]["callers"]) == (1, 0)
    assert api("GET", "access-matrix?namespace=other").json()["services"] == []


def test_the_window_is_the_one_that_was_asked_for(api: Api) -> None:
    seen("shop/web", "shop/pay", 7, ago=1800)
    assert _cells(api, "window=5m")["shop/web shop/pay"]["requests"] == 0
    assert _cells(api, "window=1h")["shop/web shop/pay"]["requests"] == 7


@pytest.mark.parametrize(
    ("query", "pointer"), [("window=9", "/window"), ("window=9d", "/window"), ("limit=0", "/limit"), ("limit=201", "/limit")]
)
def test_bad_questions(api: Api, query: str, pointer: str) -> None:
    answer = api("GET", f"access-matrix?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)

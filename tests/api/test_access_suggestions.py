"""Policies that admit whom telemetry saw: who is in, who is not, and what is told with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from meshweb.store.models import BackendBucket, CalledPort, TelemetryReport
from meshweb.telemetry.histogram import BUCKETS
from tests import factories as make
from tests.api.conftest import Api
from tests.api.test_access_matrix import of, policy, seen

Json = dict[str, Any]
_GET = [{"operation": {"methods": ["GET"]}}]
NAMES = ("web", "cart", "batch")


def called(source: str, backend: str, requests: int = 10, *, port: int = 8080, denied: int = 0, plain: int = 0) -> None:
    """As callers' proxies report it: by the service that was called, and by the backend that a route chose."""
    at = timezone.now() - timedelta(seconds=60)
    start = at.replace(second=at.second // 10 * 10, microsecond=0)
    seen(source, backend, requests, denied=denied, plain=plain)
    counts: Json = {"resolution": 10, "c2xx": requests, "histogram": [0] * BUCKETS}
    BackendBucket.objects.create(start=start, source=source, backend=backend, **counts)
    CalledPort.objects.create(source=source, backend=backend, port=port, last=start)


@pytest.fixture(autouse=True)
def applied(api: Api) -> None:
    pay = make.service("pay")
    pay["spec"]["ports"] += [{"name": "admin", "port": 9000, "targetPort": 9001}, {"name": "tcp-db", "port": 5432}]
    documents = [
        make.namespace(),
        *(make.service(name) for name in NAMES),
        pay,
        make.service("pay-v1", app="pay", version="v1"),
        *(make.entry(f"{name}-1", f"10.0.0.{n}", name, app=name) for n, name in enumerate(NAMES, 1)),
        make.entry("pay-1", "10.0.1.1", "pay", app="pay", version="v1"),
        make.entry("pay-2", "10.0.1.2", "pay", app="pay", version="v2"),
    ]
    assert api("POST", "apply", documents).status_code == 200


def _items(api: Api, query: str = "") -> dict[str, Json]:
    answer = api("GET", f"access-suggestions?{query}")
    assert answer.status_code == 200, answer.text
    return {item["service"]: item for item in answer.json()["items"]}


def _names(callers: list[Json]) -> list[str]:
    return [caller["name"] for caller in callers]


def test_a_policy_admits_the_callers_and_ports_that_were_seen(api: Api) -> None:
    called("shop/web", "shop/pay")
    called("shop/cart", "shop/pay-v1")
    called("shop/batch", "shop/pay", port=9000)
    found = _items(api)
    assert list(found) == ["shop/pay"], "one policy for all workloads, under whatever name they were called"
    document = found["shop/pay"]["policy"]
    assert document["metadata"]["name"] == "pay-observed-callers"
    assert document["metadata"]["annotations"]["istio.io/dry-run"] == "true"
    principal = "cluster.local/ns/shop/sa/{}".format
    assert document["spec"] == {
        "selector": {"matchLabels": {"app": "pay"}},
        "action": "ALLOW",
        "rules": [
            {
                "from": [{"source": {"principals": [principal("cart"), principal("web")]}}],
                "to": [{"operation": {"ports": ["8080"]}}],
            },
            {"from": [{"source": {"principals": [principal("batch")]}}], "to": [{"operation": {"ports": ["9001"]}}]},
        ],
    }
    assert api("POST", "apply?dryRun=true", [document]).status_code == 200


def test_it_decides_only_when_that_is_asked_for(api: Api) -> None:
    called("shop/web", "shop/pay")
    document = _items(api, "enforce=true")["shop/pay"]["policy"]
    assert list(document["metadata"]["annotations"]) == ["meshweb.io/suggested-from"]
    impact = api("POST", "apply?dryRun=true", [document]).json()["impact"]["access"]
    assert (impact["newlyDenied"], impact["edges"]) == (0, 1)


def test_evidence_is_told_for_each_caller_and_whom_nobody_saw(api: Api) -> None:
    called("shop/web", "shop/pay", 12)
    item = _items(api)["shop/pay"]
    (admitted,) = item["admitted"]
    assert (admitted["requests"], admitted["ports"], admitted["identities"]) == (
        12,
        [8080],
        ["spiffe://cluster.local/ns/shop/sa/web"],
    )
    assert admitted["lastSeen"] is not None
    assert _names(item["unseen"]) == ["shop/batch", "shop/cart", "shop/pay"]
    assert item["unknowable"] == [
        "nobody counts connections that are not HTTP (port 5432): whoever uses them is not in the policy, and it denies them"
    ]


def test_who_has_no_identity_is_named_and_never_put_in(api: Api) -> None:
    api("POST", "apply", [make.document("PeerAuthentication", "default", {"mtls": {"mode": "PERMISSIVE"}})])
    called("shop/web", "shop/pay", 10, plain=10)
    called("shop/cart", "shop/pay", 10, plain=4)
    seen("unknown", "shop/pay", 3, denied=3)
    item = _items(api)["shop/pay"]
    assert (_names(item["admitted"]), _names(item["nameless"]), _names(item["refused"])) == (
        ["shop/cart"],
        ["shop/web"],
        ["unknown"],
    )
    assert item["admitted"][0]["plain"] == 4
    assert "plain text" in item["unknowable"][0]


def test_who_is_denied_today_stays_denied(api: Api) -> None:
    api("POST", "apply", [policy("no-batch", "pay", [{"from": of("batch")}], "DENY")])
    called("shop/batch", "shop/pay", 11, denied=9)
    called("shop/web", "shop/pay", 5)
    called("shop/cart", "shop/pay", 5, denied=5)
    item = _items(api)["shop/pay"]
    assert (_names(item["admitted"]), _names(item["refused"])) == (["shop/web"], ["shop/batch", "shop/cart"])


def test_no_policy_where_it_would_admit_more_than_today(api: Api) -> None:
    api("POST", "apply", [policy("readers", "pay", [{"from": of("web"), "to": _GET}])])
    called("shop/web", "shop/pay")
    item = _items(api)["shop/pay"]
    assert item["policy"] is None
    assert "policies let shop/web in for some requests only" in item["why"]
    assert item["standing"] == ["AuthorizationPolicy shop/readers"]


def test_a_policy_for_everybody_can_be_narrowed(api: Api) -> None:
    api("POST", "apply", [policy("all", "pay", [{}])])
    called("shop/web", "shop/pay")
    item = _items(api)["shop/pay"]
    assert item["policy"] is not None
    assert item["standing"] == ["AuthorizationPolicy shop/all"]


def test_only_what_was_suggested_before_is_written_over(api: Api) -> None:
    called("shop/web", "shop/pay")
    own = _items(api)["shop/pay"]["policy"]
    assert api("POST", "apply", [own]).status_code == 200
    assert _items(api)["shop/pay"]["policy"]["metadata"]["name"] == "pay-observed-callers"
    theirs = policy("pay-observed-callers", "cart", [{}])
    assert api("POST", "apply", [theirs]).status_code == 200
    assert _items(api)["shop/pay"]["policy"]["metadata"]["name"] == "pay-observed-callers-2"


def test_who_has_just_called_counts_in_a_long_window_too(api: Api) -> None:
    seen("shop/web", "shop/cart", 5, ago=11)
    cells = api("GET", "access-matrix?window=24h&caller=shop/web&service=shop/cart").json()["cells"]
    assert [cell["requests"] for cell in cells] == [5]


def test_nothing_is_suggested_for_whom_nobody_calls(api: Api) -> None:
    called("shop/web", "shop/pay")
    called("shop/web", "shop/cart")
    assert list(_items(api)) == ["shop/cart", "shop/pay"]
    assert list(_items(api, "service=shop/cart")) == ["shop/cart"]
    assert _items(api, "namespace=other") == {}
    TelemetryReport.objects.create(start=timezone.now() - timedelta(minutes=5), last_at=timezone.now())
    assert api("GET", "access-suggestions").json()["since"] is not None
    assert api("GET", "access-suggestions?window=1s").status_code == 422

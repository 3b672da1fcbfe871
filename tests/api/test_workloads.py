"""Workloads, and how their callers see them, over REST."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from meshweb.store.models import EndpointHealth
from tests import factories as make
from tests.api.conftest import Api


def _mesh(api: Api) -> None:
    documents = [
        make.namespace(),
        make.service("pay"),
        make.service("web"),
        make.entry("pay", "10.0.0.2"),
        make.entry("web", "10.0.0.1"),
    ]
    assert api("POST", "apply", documents).status_code == 200
    now = timezone.now()
    make.proxy("web", endpoints_at=now)
    make.proxy("pay", health_state="unhealthy", health_reason="GET / answered 500", health_at=now)
    EndpointHealth.objects.create(
        proxy_id="shop/web",
        service="shop/pay",
        port=8080,
        address="10.0.0.2:8080",
        state="ejected",
        since=now - timedelta(seconds=9),
    )


def test_a_workload_tells_both_sides(api: Api) -> None:
    _mesh(api)
    found = api("GET", "workloads/shop/pay").json()
    assert (found["services"], found["joined"], found["address"]) == (["shop/pay"], True, "10.0.0.2")
    assert (found["health"]["state"], found["health"]["reason"]) == ("unhealthy", "GET / answered 500")
    assert (found["seen"]["callers"], found["seen"]["healthy"]) == (1, 0)
    (out,) = found["seen"]["out"]
    assert (out["caller"], out["state"], out["address"]) == ("shop/web", "ejected", "10.0.0.2:8080")
    assert out["since"] < out["at"]


def test_workloads_are_listed_by_service_and_namespace(api: Api) -> None:
    _mesh(api)
    assert [w["id"] for w in api("GET", "workloads").json()["items"]] == ["shop/pay", "shop/web"]
    assert [w["id"] for w in api("GET", "workloads?service=shop/pay").json()["items"]] == ["shop/pay"]
    assert api("GET", "workloads?service=shop/nobody").json()["items"] == []
    assert api("GET", "workloads?namespace=other").json()["items"] == []
    page = api("GET", "workloads?limit=1").json()
    assert [w["id"] for w in api("GET", f"workloads?limit=1&cursor={page['next']}").json()["items"]] == ["shop/web"]
    assert api("GET", "workloads/shop/nobody").status_code == 404


def test_a_proxy_tells_how_it_sees_others(api: Api) -> None:
    _mesh(api)
    found = api("GET", "proxies/shop/web/endpoints").json()
    assert [(e["service"], e["state"]) for e in found["endpoints"]] == [("shop/pay", "ejected")]
    assert found["at"] is not None
    assert api("GET", "proxies/shop/pay/endpoints").json() == {"proxy": "shop/pay", "at": None, "endpoints": []}
    assert api("GET", "proxies/shop/nobody/endpoints").status_code == 404


def test_a_removed_proxy_takes_its_sights_along(api: Api) -> None:
    _mesh(api)
    assert api("DELETE", "proxies/shop/web").status_code == 204
    assert not EndpointHealth.objects.exists()
    assert api("GET", "workloads/shop/pay").json()["seen"]["callers"] == 0

"""How an Envoy sees its endpoints, read from its own words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshweb.agent import admin, endpoints
from meshweb.agent.endpoints import Watch, read

CLUSTER = "outbound|8080||pay.shop.svc.cluster.local"


def _host(address: str = "10.0.0.1", calls: int = 1, **health: Any) -> dict[str, Any]:
    return {
        "address": {"socket_address": {"address": address, "port_value": 8080}},
        "stats": [{"type": "COUNTER", "name": "cx_total", "value": str(calls)}, {"name": "rq_total"}],
        "health_status": {"eds_health_status": "HEALTHY", **health},
    }


def _clusters(*hosts: dict[str, Any], name: str = CLUSTER, stat: str = "outbound~shop~pay~8080") -> dict[str, Any]:
    return {"name": name, "observability_name": stat, "host_statuses": list(hosts)}


def _body(*clusters: dict[str, Any]) -> bytes:
    return json.dumps({"cluster_statuses": clusters}).encode()


@pytest.mark.parametrize(
    ("health", "state"),
    [
        ({}, "healthy"),
        ({"failed_active_health_check": True}, "failing"),
        ({"failed_active_health_check": True, "active_hc_timeout": True}, "failing"),
        ({"exclude_via_immediate_hc_fail": True}, "failing"),
        ({"failed_active_health_check": True, "pending_active_hc": True}, "checking"),
        ({"failed_outlier_check": True}, "ejected"),
        ({"eds_health_status": "UNHEALTHY"}, "withdrawn"),
        ({"failed_outlier_check": True, "eds_health_status": "UNHEALTHY"}, "ejected"),
        ({"failed_outlier_check": True, "failed_active_health_check": True}, "failing"),
    ],
)
def test_each_state_has_one_word(health: dict[str, Any], state: str) -> None:
    assert read(_body(_clusters(_host(**health))), frozenset()) == (("shop/pay", 8080, "10.0.0.1:8080", state),)


def test_only_endpoints_that_were_called_or_are_checked() -> None:
    body = _body(
        _clusters(_host(calls=0)),
        _clusters(_host(calls=0), name="checked", stat="outbound~shop~bank+example+com~80"),
        _clusters(_host(), name="inbound|8080||", stat="inbound~8080"),
        {"name": "agent", "host_statuses": [{"address": {"pipe": {"path": "/x"}}}]},
    )
    assert read(body, frozenset({"checked"})) == (("shop/bank.example.com", 80, "10.0.0.1:8080", "healthy"),)


def test_of_several_clusters_of_a_port_the_worst_counts() -> None:
    subset = _clusters(_host(failed_outlier_check=True), name="outbound|8080|v1|pay.shop.svc.cluster.local")
    assert [state for *_, state in read(_body(_clusters(_host()), subset), frozenset())] == ["ejected"]


def test_what_is_out_is_told_first_when_there_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "MAX_ENDPOINTS", 2)
    hosts = [_host(f"10.0.0.{n}") for n in range(5)] + [_host("10.0.0.9", failed_outlier_check=True)]
    assert [s for *_, s in read(_body(_clusters(*hosts)), frozenset())] == ["healthy", "ejected"]


async def test_what_was_acknowledged_is_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [_body(_clusters(_host())), _body(_clusters(_host(failed_outlier_check=True)))]

    async def request(*_: Any) -> tuple[int, bytes]:
        if not answers:
            raise admin.AdminAway("gone")
        return 200, answers.pop(0)

    monkeypatch.setattr(admin, "request", request)
    monkeypatch.setattr(endpoints, "_REST", 0)
    watch = Watch(Path("unused"))
    assert watch.payload() is None, "nothing was seen"

    async def look() -> list[str] | None:
        await watch.look({})
        found = watch.payload()
        assert found is not None
        assert found["age"] >= 0
        return [state["state"] for state in found["states"]] if found["states"] is not None else None

    assert await look() == ["healthy"]
    payload = watch.payload()
    assert payload is not None
    assert payload["states"] is not None, "it was not acknowledged"
    watch.acknowledged()
    payload = watch.payload()
    assert payload is not None
    assert payload["states"] is None
    assert await look() == ["ejected"]
    watch.acknowledged()
    assert await look() is None, "Envoy is away: what was seen last stays, and grows old"

"""What callers' proxies say of endpoints: kept as it is now, and shown by workload."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from meshweb.store.mesh import current_mesh
from meshweb.store.models import EndpointHealth, MeshState, Proxy
from meshweb.telemetry import endpoints
from meshweb.telemetry.ingest import Arrival, ingest
from meshweb.telemetry.reports import Report
from tests import factories as make


@pytest.fixture
def mesh(transactional_db: None) -> None:
    MeshState.objects.create(id=1)
    current_mesh().forget()
    make.apply(make.namespace(), make.service("pay"), make.entry("pay", "10.0.0.2"), make.entry("web", "10.0.0.1"))
    for name in ("web", "web-2", "pay"):
        make.proxy(name)


def _state(state: str, address: str = "10.0.0.2:8080") -> dict[str, Any]:
    return {"service": "shop/pay", "port": 8080, "address": address, "state": state}


_sequence = iter(range(1, 1000))


def _tell(proxy: str, *states: dict[str, Any], age: float = 0.0, unchanged: bool = False) -> None:
    told = {"age": age, "states": None if unchanged else list(states)}
    report = Report.model_validate({"sequence": next(_sequence), "seconds": 5.0, "endpoints": told})
    ingest([Arrival(f"shop/{proxy}", report, time.time())])


def _rows() -> dict[tuple[str, str], str]:
    return {(row.proxy_id, row.address): row.state for row in EndpointHealth.objects.all()}


def _pay() -> endpoints.Seen:
    return endpoints.workloads(current_mesh().read().mesh, [("shop", "pay")])[0].seen


def test_the_last_word_of_each_proxy_is_kept(mesh: None) -> None:
    _tell("web", _state("healthy"), _state("healthy", "10.0.0.3:8080"))
    first = {row.address: row.since for row in EndpointHealth.objects.all()}
    _tell("web", _state("ejected"), _state("healthy", "10.0.0.3:8080"))
    since = {row.address: row.since for row in EndpointHealth.objects.all()}
    assert since["10.0.0.2:8080"] > first["10.0.0.2:8080"]
    assert since["10.0.0.3:8080"] == first["10.0.0.3:8080"], "what did not change keeps its time"
    _tell("web", unchanged=True)
    assert _rows() == {("shop/web", "10.0.0.2:8080"): "ejected", ("shop/web", "10.0.0.3:8080"): "healthy"}
    _tell("web", _state("healthy"))
    assert _rows() == {("shop/web", "10.0.0.2:8080"): "healthy"}


def test_a_report_without_a_look_changes_nothing(mesh: None) -> None:
    _tell("web", _state("ejected"))
    at = Proxy.objects.get(id="shop/web").endpoints_at
    ingest([Arrival("shop/web", Report.model_validate({"sequence": next(_sequence), "seconds": 5.0}), time.time())])
    assert _rows() == {("shop/web", "10.0.0.2:8080"): "ejected"}
    assert Proxy.objects.get(id="shop/web").endpoints_at == at


def test_a_workload_is_seen_by_its_callers(mesh: None) -> None:
    assert (_pay().callers, _pay().at) == (0, None)
    _tell("web", _state("ejected"))
    _tell("web-2", _state("healthy"), _state("failing", "10.9.9.9:8080"))
    found = _pay()
    assert (found.callers, found.healthy) == (2, 1)
    assert [(seen.caller, seen.state, seen.service) for seen in found.out] == [("shop/web", "ejected", "shop/pay")]


def test_an_old_look_says_nothing(mesh: None) -> None:
    _tell("web", _state("ejected"))
    Proxy.objects.filter(id="shop/web").update(endpoints_at=timezone.now() - timedelta(minutes=2))
    assert _pay().callers == 0
    assert [seen.state for seen in endpoints.of_proxy(Proxy.objects.get(id="shop/web"))] == ["ejected"]
    _tell("web", unchanged=True)
    assert (_pay().callers, _pay().healthy) == (1, 0)


def test_a_proxy_that_was_removed_says_nothing(mesh: None) -> None:
    Proxy.objects.filter(id="shop/web").update(revoked_at=timezone.now())
    _tell("web", _state("ejected"))
    assert _rows() == {}


@pytest.mark.parametrize(
    "wrong",
    [{"state": "odd"}, {"address": "10.0.0.2"}, {"address": "<b>:1"}, {"port": 0}, {"service": "pay"}],
)
def test_a_state_that_breaks_the_contract_is_refused(wrong: dict[str, Any]) -> None:
    fields = {"sequence": 1, "seconds": 1.0, "endpoints": {"age": 0, "states": [{**_state("healthy"), **wrong}]}}
    with pytest.raises(ValueError, match="endpoints"):
        Report.model_validate(fields)

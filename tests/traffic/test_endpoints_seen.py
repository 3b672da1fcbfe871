"""What an agent tells of its Envoy's endpoints, read from real Envoys in the states that it has words for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from meshweb.agent import admin, endpoints
from tests.agent.rig import until
from tests.traffic.cases import CASES, Case, File, Row, load
from tests.traffic.conftest import Driver

CALLER = "shop/web-1"
Steps = Sequence[tuple[Case, Row]]


def _rows_until(path: str, name: str) -> Steps:
    """The rows of a case up to one, which may rely on those before."""
    case = load(CASES / path)
    at = next(index for index, row in enumerate(case.file.rows) if row.name == name)
    return [(case, row) for row in case.file.rows[: at + 1]]


def _withdrawn() -> Steps:
    """Both are called before one of them is taken out."""
    called = Row(name="both", to="pay.shop:8080", n=20)
    after = Row(name="one", to="pay.shop:8080", app="pay-b-1", n=4, within_s=5)
    return [(Case("seen/both", File()), called), (Case("seen/one", File(unhealthy=frozenset({"shop/pay-a-1"}))), after)]


@pytest.mark.parametrize(
    ("steps", "service", "state"),
    [
        (_rows_until("destination_rule/outliers.yaml", "two errors eject"), "shop/pay", "ejected"),
        (_rows_until("health_check/http.yaml", "a failing backend is not called"), "shop/half", "failing"),
        (_withdrawn(), "shop/pay", "withdrawn"),
    ],
    ids=["ejected", "failing", "withdrawn"],
)
def test_an_endpoint_is_told_as_what_it_is(driver: Driver, steps: Steps, service: str, state: str) -> None:
    rig = driver.rig
    places = {f"{vm.bind}:8080": vm.name for vm in rig.vms.values()}
    checked = frozenset({"outbound|8080||half.shop.svc.cluster.local"})
    wanted = {"pay-a-1": state, "pay-b-1": "healthy"}

    async def seen() -> bool:
        body = await admin.get(rig.sidecars.by_id[CALLER].admin_socket, "/clusters?format=json")
        return {places[s[2]]: s[3] for s in endpoints.read(body, checked) if s[:2] == (service, 8080)} == wanted

    for case, row in steps:
        driver.run(rig.use(case))
        driver.run(rig.run(row, "h2"))
    driver.run(until(seen, f"{CALLER} sees {wanted}", 5))

"""Every row of `cases/*/*.yaml`."""

from __future__ import annotations

import pytest

from tests.traffic import checks
from tests.traffic.cases import Item, items
from tests.traffic.conftest import Driver

ITEMS = list(items())


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.id)
def test_row(item: Item, driver: Driver) -> None:
    compilation = driver.run(driver.rig.use(item.case))
    if item.row is not None:
        driver.run(driver.rig.run(item.row, item.wire))
        return
    found = {
        str(key): [(str(c.type), c.status, c.reason, c.message) for c in told] for key, told in compilation.conditions.items()
    }
    problems = checks.conditions(item.case.file.conditions, found)
    assert not problems, "\n".join(problems)

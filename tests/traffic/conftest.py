"""The rig, started by the first row and stopped after the last."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.traffic.rig import Rig


class Driver:
    """The rig's event loop, run while a row runs."""

    def __init__(self, rig: Rig, runner: asyncio.Runner) -> None:
        self.rig, self.run = rig, runner.run


@pytest.fixture(scope="package")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    with asyncio.Runner() as runner:
        rig = Rig(tmp_path_factory.mktemp("traffic"))
        try:
            runner.run(rig.start())
            yield Driver(rig, runner)
        finally:
            runner.run(rig.stop())

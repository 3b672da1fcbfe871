"""The rig, started by the first row and stopped after the last."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from meshweb.config.adapters.counters import RedisCounters
from meshweb.config.embedded.valkey import ValkeyServer
from meshweb.config.environment import redis_urls
from tests.traffic.rig import Rig


class Driver:
    """The rig's event loop, run while a row runs."""

    def __init__(self, rig: Rig, runner: asyncio.Runner) -> None:
        self.rig, self.run = rig, runner.run


_PUSHES = pytest.StashKey[list[float]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """How many rows ran, and what a case costs."""
    pushes = config.stash.get(_PUSHES, [])
    if pushes:
        reports = [r for key in ("passed", "failed") for r in terminalreporter.stats.get(key, ())]
        rows = sum("test_traffic.py::test_row" in report.nodeid for report in reports)
        mean, most = 1000 * sum(pushes) / len(pushes), 1000 * max(pushes)
        terminalreporter.write_line(
            f"traffic: {rows} rows of {len(pushes)} cases; a push took {mean:.0f} ms, at most {most:.0f} ms"
        )


@pytest.fixture(scope="package")
def driver(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config, redis_server: ValkeyServer
) -> Iterator[Driver]:
    with asyncio.Runner() as runner:
        rig = Rig(tmp_path_factory.mktemp("traffic"), RedisCounters(redis_urls(redis_server.url).counters))
        try:
            runner.run(rig.start())
            yield Driver(rig, runner)
            pytestconfig.stash[_PUSHES] = rig.push_seconds
        finally:
            runner.run(rig.stop())

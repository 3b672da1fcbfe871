from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from meshweb.cli.main import main
from tests.cli.server import Server, serve


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Meshctl = Callable[..., Ran]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("MESHWEB_DATA_DIR", "MESHWEB_NAMESPACE", "MESHWEB_CA_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with serve() as running:
        monkeypatch.setenv("MESHWEB_URL", running.url)
        monkeypatch.setenv("MESHWEB_TOKEN", "mwt_test")
        yield running


@pytest.fixture
def meshctl(server: Server, capsys: pytest.CaptureFixture[str]) -> Meshctl:
    def run(*arguments: str) -> Ran:
        code = main(arguments)
        return Ran(code, *capsys.readouterr())

    return run

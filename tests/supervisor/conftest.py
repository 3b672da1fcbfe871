from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supervisor.rig import Up


@pytest.fixture
def directory() -> Iterator[Path]:
    """Short, and open for the user that root's PostgreSQL runs as: pytest's own directories are neither."""
    made = Path(tempfile.mkdtemp(prefix="meshweb-up-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def control_plane(directory: Path) -> Iterator[Up]:
    up = Up(directory / "data")
    yield up
    up.stop()
    assert up.alive() == []

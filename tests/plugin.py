"""Loaded before Django: where the tests' own PostgreSQL and Valkey will be. They are started by the first test that needs them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from meshweb.config.embedded.postgres import PostgresServer
from meshweb.config.embedded.valkey import ValkeyServer

_DIRECTORY = Path(tempfile.mkdtemp(prefix="meshweb-tests-"))
_DIRECTORY.chmod(0o711)  # PostgreSQL of root runs as another user and must reach its own directory
POSTGRES = PostgresServer(_DIRECTORY / "postgres")
VALKEY = ValkeyServer(_DIRECTORY / "valkey")

os.environ["MESHWEB_DATA_DIR"] = str(_DIRECTORY / "data")
os.environ["DATABASE_URL"] = POSTGRES.url
os.environ["REDIS_URL"] = VALKEY.url
os.environ["MESHWEB_LOG_LEVEL"] = "WARNING"
# Each test's transaction must be alone on its connection.
os.environ["MESHWEB_DATABASE_POOL"] = "false"


def pytest_unconfigure() -> None:
    shutil.rmtree(_DIRECTORY, ignore_errors=True)

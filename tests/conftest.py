from __future__ import annotations

from collections.abc import Iterator

import pytest

from meshweb.config.embedded.valkey import ValkeyServer
from tests.plugin import POSTGRES, VALKEY


@pytest.fixture(scope="session")
def redis_server() -> Iterator[ValkeyServer]:
    with VALKEY:
        yield VALKEY


@pytest.fixture(scope="session")
def django_db_modify_db_settings(redis_server: ValkeyServer) -> Iterator[None]:
    """pytest-django's hook before it makes the test database: the servers run from here on."""
    with POSTGRES:
        yield

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from meshweb.controlplane import access, authority, impact
from meshweb.controlplane.actor import SYSTEM
from meshweb.store import sealing
from meshweb.store.mesh import current_mesh
from meshweb.store.models import MeshState


class Api:
    """A client with a token. Bodies are JSON unless a content type is given."""

    def __init__(self, token: str) -> None:
        self._client = Client(headers={"Authorization": f"Bearer {token}"})

    def __call__(self, method: str, path: str, body: Any = None, content_type: str = "application/json", **headers: str) -> Any:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        arguments: dict[str, Any] = {"headers": names}
        if body is not None:
            arguments |= {"data": body, "content_type": content_type}
        return (
            self._client.generic(method, f"/api/v1/{path}", arguments.pop("data", b""), **arguments)
            if isinstance(body, bytes | str)
            else getattr(self._client, method.lower())(f"/api/v1/{path}", **arguments)
        )


@pytest.fixture
def mesh(transactional_db: None) -> None:
    """An installation after bootstrap, without documents."""
    MeshState.objects.create(id=1)
    sealing.make_key_file()
    sealing.key_ring.cache_clear()
    authority.authority.cache_clear()
    authority.make_authority()
    # Mirrors of an earlier test's database.
    impact._preview.cache_clear()
    current_mesh().forget()


@pytest.fixture
def api_with(mesh: None) -> Callable[..., Api]:
    def make(*scopes: str, ttl: timedelta = timedelta(hours=1)) -> Api:
        return Api(access.create_api_token(SYSTEM, "test", scopes, ttl)[1])

    return make


@pytest.fixture
def api(api_with: Callable[..., Api]) -> Api:
    return api_with("read", "write", "admin")

"""The WebSocket: hints for those who are signed in, nothing for others."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import AnonymousUser, User

from meshweb.config.asgi import application
from meshweb.config.embedded.valkey import ValkeyServer
from meshweb.controlplane import access, hints
from meshweb.live.consumers import NOT_SIGNED_IN, Hints


class Socket:
    """A browser's end, spoken in ASGI messages."""

    def __init__(self, user: User | AnonymousUser) -> None:
        self._channel = ApplicationCommunicator(
            Hints.as_asgi(), {"type": "websocket", "path": "/ws/v1", "headers": [], "user": user}
        )

    async def open(self) -> str:
        await self._channel.send_input({"type": "websocket.connect"})
        return str((await self.read())["type"])

    async def read(self) -> dict[str, Any]:
        message: dict[str, Any] = await self._channel.receive_output(timeout=5)
        return message

    async def write(self, text: str) -> None:
        await self._channel.send_input({"type": "websocket.receive", "text": text})

    async def close(self) -> None:
        await self._channel.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._channel.wait(timeout=5)


@pytest.mark.django_db(transaction=True)
async def test_a_hint_reaches_the_browser(redis_server: ValkeyServer) -> None:
    socket = Socket(await sync_to_async(access.local_admin)())
    assert await socket.open() == "websocket.accept"
    await socket.write("whatever")
    hints.tell_browsers("revision", "7")
    assert (await socket.read())["text"] == '{"type": "revision", "id": "7"}'
    await socket.close()


async def test_a_stranger_is_turned_away(redis_server: ValkeyServer) -> None:
    socket = Socket(AnonymousUser())
    assert await socket.open() == "websocket.accept"
    closed = await socket.read()
    assert (closed["type"], closed["code"]) == ("websocket.close", NOT_SIGNED_IN)


async def test_pages_of_other_origins_are_refused() -> None:
    headers = [(b"origin", b"https://evil.example"), (b"host", b"127.0.0.1")]
    channel = ApplicationCommunicator(application, {"type": "websocket", "path": "/ws/v1", "headers": headers})
    await channel.send_input({"type": "websocket.connect"})
    assert (await channel.receive_output(timeout=5))["type"] == "websocket.close"

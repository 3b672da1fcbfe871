"""One WebSocket of a signed-in browser."""

from __future__ import annotations

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from meshweb.controlplane.hints import BROWSERS

NOT_SIGNED_IN = 4401


class Hints(AsyncJsonWebsocketConsumer):
    """Sends `{"type", "id"}`; whatever the browser sends is ignored."""

    groups = (BROWSERS,)

    async def connect(self) -> None:
        user = self.scope.get("user")
        await self.accept()
        if user is None or not user.is_authenticated:
            # Closed after the handshake: only then a browser sees the code.
            await self.close(NOT_SIGNED_IN)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any) -> None:
        return

    async def hint(self, event: dict[str, str]) -> None:
        """Group message of `hints.tell_browsers`."""
        await self.send_json({"type": event["kind"], "id": event["id"]})

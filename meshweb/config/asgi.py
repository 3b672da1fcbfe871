"""HTTP and WebSocket entry."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshweb.config.settings")

from django.core.asgi import get_asgi_application

_http = get_asgi_application()

from channels.routing import ProtocolTypeRouter

from meshweb.api.bodies import bounded
from meshweb.live.routing import websockets

application = ProtocolTypeRouter({"http": bounded(_http), "websocket": websockets})

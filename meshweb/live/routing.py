"""WebSocket addresses. Only pages of the own origin may open one."""

from __future__ import annotations

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

from meshweb.live.consumers import Hints

websockets = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter([path("ws/v1", Hints.as_asgi())])))

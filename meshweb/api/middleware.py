"""Every request has a name, and every answer the headers that keep browsers safe."""

from __future__ import annotations

import re
import uuid
from typing import Any

import structlog
from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

REQUEST_ID = "X-Request-ID"
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        # The component kit writes style elements at run time.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "object-src 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@sync_and_async_middleware
def request_id(get_response: Any) -> Any:
    """Takes the caller's id when it is harmless, or makes one; it is in the answer, the audit and every log line."""

    def begin(request: HttpRequest) -> str:
        given = request.headers.get(REQUEST_ID, "")
        made = given if _ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex
        request.request_id = made  # type: ignore[attr-defined]  # how Django hands values to views
        structlog.contextvars.bind_contextvars(request_id=made)
        return made

    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponse:
            made = begin(request)
            response: HttpResponse = await get_response(request)
            response[REQUEST_ID] = made
            structlog.contextvars.clear_contextvars()
            return response

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponse:
        made = begin(request)
        response: HttpResponse = get_response(request)
        response[REQUEST_ID] = made
        structlog.contextvars.clear_contextvars()
        return response

    return synchronous


@sync_and_async_middleware
def security_headers(get_response: Any) -> Any:
    """On every answer; API answers are not kept by caches either."""

    def finish(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
        if request.is_secure():
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            # Cookies that were made over HTTPS do not travel without it; on loopback there is no HTTPS.
            for cookie in response.cookies.values():
                cookie["secure"] = True
        return response

    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponse:
            return finish(request, await get_response(request))

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponse:
        return finish(request, get_response(request))

    return synchronous

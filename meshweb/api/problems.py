"""Errors as `application/problem+json` (RFC 9457), and a row in the audit for every refused write."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, DataError
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from pydantic import ValidationError
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from meshweb.api.auth import actor_of
from meshweb.controlplane import audit, errors
from meshweb.controlplane.actor import Actor
from meshweb.core.errors import InvalidDocument, Violation
from meshweb.kinds.base import violations_of
from meshweb.store.models.revision import Origin

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
TYPES = "https://meshweb.io/problems/"

_TITLES = {
    400: "Malformed request",
    401: "Not signed in",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid document",
    428: "If-Match is missing",
    429: "Too many requests",
    500: "Internal error",
    503: "Not available now",
}
_REFUSALS: Mapping[type[errors.Refusal], int] = {
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.Unauthorized: 401,
    errors.TryAgain: 503,
    errors.InvalidDocuments: 422,
}


class Problem(exceptions.APIException):
    """A problem that the API layer itself finds. `errors`: (document, violation)."""

    def __init__(self, status: int, code: str, detail: str, found: Iterable[tuple[int, Violation]] = ()) -> None:
        super().__init__(detail, code)
        self.status_code = status
        self.code = code
        self.text = detail
        self.found = tuple(found)


def body_of(
    status: int, code: str, detail: str, request_id: str, found: Iterable[tuple[int, Violation]] = ()
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": f"{TYPES}{code}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
        "requestId": request_id,
    }
    listed = [{"document": n, "pointer": v.pointer, "code": v.code, "detail": v.detail} for n, v in found]
    if listed:
        body["errors"] = listed
    return body


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's hook: every exception becomes a problem."""
    request: Request = context["request"]
    status, code, detail, found, headers = _read(error)
    if status == 500:
        log.exception("%s %s failed", request.method, request.path, exc_info=error)
    if request.method not in ("GET", "HEAD", "OPTIONS") and status not in (500, 503):
        _audit(actor_of(request), request, f"{detail}{_first(found)}")
    body = body_of(status, code, detail, getattr(request, "request_id", ""), found)
    return Response(body, status=status, headers=headers, content_type=CONTENT_TYPE)


def _read(error: Exception) -> tuple[int, str, str, tuple[tuple[int, Violation], ...], dict[str, str]]:
    """Status, code, detail, violations and extra headers of an exception."""
    if isinstance(error, Problem):
        return error.status_code, error.code, error.text, error.found, {}
    if isinstance(error, errors.Refusal):
        found = error.violations if isinstance(error, errors.InvalidDocuments) else ()
        headers = {"Retry-After": str(error.after)} if isinstance(error, errors.TryAgain) else {}
        return _REFUSALS[type(error)], error.code, error.detail, found, headers
    if isinstance(error, InvalidDocument):
        return 422, "invalid_document", "the document is not valid", tuple((0, v) for v in error.violations), {}
    if isinstance(error, ValidationError):
        return 422, "invalid_document", "the request is not valid", tuple((0, v) for v in violations_of(error, None)), {}
    if isinstance(error, Http404):
        return 404, "not_found", "there is nothing at this address", (), {}
    if isinstance(error, RequestDataTooBig):
        return 413, "too_large", "a body may have 1 MiB", (), {}
    if isinstance(error, DataError):  # such as a NUL in the address
        return 422, "invalid_value", "a value cannot be stored or looked up: it is too large, or holds a NUL", (), {}
    if isinstance(error, DatabaseError):
        log.warning("the database is not available: %s", error)
        return 503, "database_away", "the database is not available now; nothing was changed", (), {"Retry-After": "2"}
    if isinstance(error, exceptions.Throttled):
        wait = round(getattr(error, "wait", None) or 1)
        return 429, "throttled", f"too many attempts; try again in {wait} s", (), {"Retry-After": str(wait)}
    if isinstance(error, exceptions.APIException):
        return error.status_code, str(error.default_code), str(error.detail), (), _challenge(error)
    return 500, "internal", "something went wrong here; the log has the request id", (), {}


def _challenge(error: exceptions.APIException) -> dict[str, str]:
    header = getattr(error, "auth_header", None)
    return {"WWW-Authenticate": header} if header else {}


def _first(found: tuple[tuple[int, Violation], ...]) -> str:
    if not found:
        return ""
    number, violation = found[0]
    return f": document {number} {violation.pointer}: {violation.detail}"


def _audit(actor: Actor, request: Request | HttpRequest, detail: str) -> None:
    try:
        audit.refused(actor, (request.method or "").lower(), request.path.replace("\0", ""), detail.replace("\0", ""))
    except DatabaseError as error:
        log.warning("a refusal could not be written to the audit: %s", error)


def csrf_failure(request: HttpRequest, reason: str = "") -> JsonResponse:
    """Django's hook."""
    made = getattr(request, "request_id", "")
    address = request.META.get("REMOTE_ADDR") or ""
    _audit(Actor("anonymous", Origin.CONSOLE, made, address), request, "CSRF")
    body = body_of(403, "csrf", "the CSRF token is missing or wrong: read the page again", made)
    return JsonResponse(body, status=403, content_type=CONTENT_TYPE)


@csrf_exempt  # also who sends a token and no cookie is told that there is nothing
def not_found(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """Addresses below /api that do not exist."""
    made = getattr(request, "request_id", "")
    body = body_of(404, "not_found", f"there is nothing at {request.path}", made)
    return JsonResponse(body, status=404, content_type=CONTENT_TYPE)

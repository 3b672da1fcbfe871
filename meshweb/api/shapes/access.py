"""Sessions, API tokens and the audit."""

from __future__ import annotations

from typing import Literal

from meshweb.api.shapes.base import Input, Shape, Time


class SignIn(Input):
    """Either a user name and a password, or the token of a one-time link."""

    username: str | None = None
    password: str | None = None
    login_token: str | None = None


class Session(Shape):
    username: str
    scopes: list[Literal["read", "write", "admin"]]


class NewPassword(Input):
    password: str


class NewApiToken(Input):
    name: str
    scopes: list[str]
    ttl: str = "90d"


class ApiToken(Shape):
    id: str
    name: str
    scopes: list[Literal["read", "write", "admin"]]
    created_at: Time
    created_by: str
    expires_at: Time
    revoked_at: Time | None
    last_used_at: Time | None


class CreatedApiToken(ApiToken):
    """`token` is shown here and never again."""

    token: str


class AuditEntry(Shape):
    at: Time
    actor: str
    origin: Literal["api", "cli", "console", "agent", "system"]
    verb: str
    object: str
    decision: Literal["allowed", "refused"]
    detail: str
    request_id: str
    address: str
    revision: int | None

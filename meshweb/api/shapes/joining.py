"""Join tokens."""

from __future__ import annotations

from typing import Literal

from meshweb.api.shapes.base import Input, Shape, Time


class NewJoinToken(Input):
    namespace: str
    workload_group: str
    ttl: str = "1h"
    uses: int = 1


class CreatedJoinToken(Shape):
    """`token` is shown here and never again."""

    id: str
    token: str
    expires_at: Time
    command: str


class Redemption(Shape):
    proxy: str
    at: Time
    certificate_issued_at: Time | None
    connected_at: Time | None
    live_revision: int | None
    health: Literal["healthy", "unhealthy", "unknown"]
    first_request_at: Time | None
    error: str


class TokenRefusal(Shape):
    at: Time
    reason: str


class JoinToken(Shape):
    id: str
    namespace: str
    workload_group: str
    uses: int
    uses_left: int
    created_at: Time
    created_by: str
    expires_at: Time
    revoked_at: Time | None
    state: Literal["active", "used", "expired", "revoked"]
    redemptions: list[Redemption]
    refusals: list[TokenRefusal]

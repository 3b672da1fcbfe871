"""Who calls, and what they may do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rest_framework import authentication, exceptions, permissions
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from meshweb.controlplane import access
from meshweb.controlplane.actor import Actor
from meshweb.store.models.revision import Origin

if TYPE_CHECKING:  # the views module reads the settings that name this one
    from rest_framework.views import APIView

_SAFE = ("GET", "HEAD", "OPTIONS")


class AddressThrottle(SimpleRateThrottle):
    """Counts attempts per peer address. Not per X-Forwarded-For, which whoever guesses would change with each guess."""

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        return f"{self.scope}:{request.META.get('REMOTE_ADDR', '')}"


@dataclass(frozen=True, slots=True)
class Caller:
    """What `request.user` is: `scopes` say what is allowed, `name` goes into audit and revisions."""

    name: str
    scopes: tuple[str, ...]
    origin: Origin
    is_authenticated: bool = True
    is_active: bool = True

    @property
    def pk(self) -> str:
        return self.name


def caller_of(request: Request) -> Caller | None:
    """Who was recognised; None for a stranger."""
    user: object = request.user
    return user if isinstance(user, Caller) else None


def scopes_of(user: Any) -> tuple[str, ...]:
    """Superusers may everything, staff may write, anybody else reads."""
    if user.is_superuser:
        return access.SCOPES
    return ("read", "write") if user.is_staff else ("read",)


class BearerAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer mwt_…`."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        header = request.headers.get("Authorization", "")
        kind, _, text = header.partition(" ")
        if not header:
            return None
        if kind.lower() != "bearer":
            raise exceptions.AuthenticationFailed("use Authorization: Bearer <API token>")
        token = access.api_token(text.strip())
        if token is None:
            raise exceptions.AuthenticationFailed("the API token is not valid: it is unknown, revoked or has ended")
        origin = Origin.CLI if request.headers.get("User-Agent", "").startswith("meshctl/") else Origin.API
        return Caller(f"token:{token.name}", tuple(token.scopes), origin), None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SessionAuthentication(authentication.SessionAuthentication):
    """The console's cookie, with the CSRF check of Django for what changes something."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        user = found[0]
        return Caller(user.get_username(), scopes_of(user), Origin.CONSOLE), None

    def enforce_csrf(self, request: Request) -> None:
        # On Django's own request: DRF's would parse, and so use up, the body to look for a form field.
        super().enforce_csrf(request._request)  # type: ignore[arg-type]  # it only hands it to Django


class ScopePermission(permissions.BasePermission):
    """`read` for safe methods, `write` for the others, unless the view names another scope (`needs`: method -> scope)."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        caller = caller_of(request)
        if caller is None:
            return False
        needs: dict[str, str] = getattr(view, "needs", {})
        wanted = needs.get(request.method or "", "read" if request.method in _SAFE else "write")
        self.message = f"this needs the scope {wanted}; {caller.name} has {', '.join(caller.scopes) or 'none'}"
        return wanted in caller.scopes


def actor_of(request: Request) -> Actor:
    """The caller as the use cases know it."""
    caller = caller_of(request)
    name, origin = (caller.name, caller.origin) if caller is not None else ("anonymous", Origin.API)
    return Actor(name, origin, getattr(request, "request_id", ""), request.META.get("REMOTE_ADDR") or "")


PUBLIC: Sequence[type[permissions.BasePermission]] = (permissions.AllowAny,)

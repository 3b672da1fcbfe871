"""Signing in, API tokens, and what was done by whom."""

from __future__ import annotations

from django.contrib import auth
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as PasswordRefused
from django.http import HttpRequest
from django.middleware.csrf import get_token
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshweb.api import bodies, paging, queries, shapes
from meshweb.api.auth import PUBLIC, AddressThrottle, SessionAuthentication, actor_of, caller_of, scopes_of
from meshweb.api.bodies import wrong
from meshweb.api.problems import Problem
from meshweb.controlplane import access, audit
from meshweb.controlplane.actor import Actor
from meshweb.store.models import ApiToken, AuditEntry
from meshweb.store.models.revision import Origin

_PAGE = [OpenApiParameter("limit", int), OpenApiParameter("cursor", str)]


class SignInThrottle(AddressThrottle):
    """Bounds guesses. Only attempts count: reading the session is free."""

    scope = "sign-in"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        return super().get_cache_key(request, view) if request.method == "POST" else None


class SessionView(APIView):
    authentication_classes = (SessionAuthentication,)
    permission_classes = PUBLIC
    throttle_classes = (SignInThrottle,)

    @extend_schema(operation_id="session_retrieve", responses=shapes.Session)
    def get(self, request: Request) -> Response:
        get_token(request._request)  # sets the CSRF cookie that the console sends back
        caller = caller_of(request)
        if caller is None:
            raise Problem(401, "not_signed_in", "nobody is signed in")
        return Response(shapes.Session(username=caller.name, scopes=list(caller.scopes)).model_dump(mode="json"))

    @extend_schema(operation_id="session_create", request=shapes.SignIn, responses=shapes.Session)
    def post(self, request: Request) -> Response:
        wanted = shapes.SignIn.model_validate(bodies.parse_body(request))
        user = _user(request._request, wanted)
        actor = Actor(wanted.username or "login link", Origin.CONSOLE, *_where(request))
        if user is None:
            raise Problem(401, "wrong_credentials", _why(wanted))
        auth.login(request._request, user, backend="django.contrib.auth.backends.ModelBackend")
        get_token(request._request)
        audit.allowed(actor, "sign in", f"user {user.get_username()}")
        return Response(shapes.Session(username=user.get_username(), scopes=list(scopes_of(user))).model_dump(mode="json"))

    @extend_schema(operation_id="session_destroy", responses={204: None})
    def delete(self, request: Request) -> Response:
        caller = caller_of(request)
        auth.logout(request._request)
        if caller is not None:
            audit.allowed(actor_of(request), "sign out", f"user {caller.name}")
        return Response(status=204)


def _where(request: Request) -> tuple[str, str]:
    return getattr(request, "request_id", ""), request.META.get("REMOTE_ADDR") or ""


def _user(request: HttpRequest, wanted: shapes.SignIn) -> User | None:
    if wanted.login_token:
        return access.redeem_login_link(wanted.login_token)
    if not wanted.username or not wanted.password:
        raise wrong("/username", "required", "send username and password, or loginToken")
    found = auth.authenticate(request, username=wanted.username, password=wanted.password)
    return found if isinstance(found, User) else None


def _why(wanted: shapes.SignIn) -> str:
    if wanted.login_token:
        return "this login link was used already or has ended; make a new one with: python manage.py login_link"
    return "the user name or the password is wrong"


class Password(APIView):
    """The signed-in user's own."""

    @extend_schema(operation_id="password_update", request=shapes.NewPassword, responses={204: None})
    def put(self, request: Request) -> Response:
        wanted = shapes.NewPassword.model_validate(bodies.parse_body(request))
        user = _person(request)
        try:
            validate_password(wanted.password, user)
        except PasswordRefused as error:
            raise wrong("/password", "weak", " ".join(error.messages)) from None
        user.set_password(wanted.password)
        user.save(update_fields=["password"])
        request._request.user = user  # the other sessions of this user end, this one goes on
        auth.update_session_auth_hash(request._request, user)
        audit.allowed(actor_of(request), "set password", f"user {user.get_username()}")
        return Response(status=204)


def _person(request: Request) -> User:
    """Whose session this is. Raises Problem (403)."""
    caller = caller_of(request)
    found = User.objects.filter(username=caller.name).first() if caller and caller.origin is Origin.CONSOLE else None
    if found is None:
        raise Problem(403, "no_user", "only a person who is signed in has a password")
    return found


class ApiTokenList(APIView):
    needs = {"GET": "admin", "POST": "admin"}

    @extend_schema(operation_id="api_tokens_list", parameters=_PAGE, responses=shapes.Page[shapes.ApiToken])
    def get(self, request: Request) -> Response:
        found = paging.page(request, ApiToken.objects.all(), ("created_at", "id"), _tokens, descending=True)
        return Response(found.model_dump(mode="json"))

    @extend_schema(operation_id="api_tokens_create", request=shapes.NewApiToken, responses={201: shapes.CreatedApiToken})
    def post(self, request: Request) -> Response:
        wanted = shapes.NewApiToken.model_validate(bodies.parse_body(request))
        ttl = queries.duration(wanted.ttl, "/ttl")
        row, text = access.create_api_token(actor_of(request), wanted.name, wanted.scopes, ttl)
        created = shapes.CreatedApiToken(**_tokens([row])[0].model_dump(by_alias=False), token=text)
        return Response(created.model_dump(mode="json"), status=201)


class ApiTokenDetail(APIView):
    needs = {"DELETE": "admin"}

    @extend_schema(operation_id="api_tokens_destroy", responses={204: None})
    def delete(self, request: Request, identifier: str) -> Response:
        access.revoke_api_token(actor_of(request), identifier)
        return Response(status=204)


def _tokens(rows: list[ApiToken]) -> list[shapes.ApiToken]:
    return [shapes.ApiToken.model_validate(row, from_attributes=True) for row in rows]


class AuditList(APIView):
    @extend_schema(operation_id="audit_list", parameters=_PAGE, responses=shapes.Page[shapes.AuditEntry])
    def get(self, request: Request) -> Response:
        found = paging.page(request, AuditEntry.objects.all(), ("id",), _entries, descending=True)
        return Response(found.model_dump(mode="json"))


def _entries(rows: list[AuditEntry]) -> list[shapes.AuditEntry]:
    return [shapes.AuditEntry.model_validate(row, from_attributes=True) for row in rows]

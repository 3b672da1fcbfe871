"""Join tokens for people, and the join itself for agents."""

from __future__ import annotations

import shlex

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshweb.api import bodies, paging, queries, shapes
from meshweb.api.auth import PUBLIC, AddressThrottle, actor_of
from meshweb.api.problems import Problem
from meshweb.controlplane import join_tokens, registration
from meshweb.controlplane.actor import Actor
from meshweb.controlplane.errors import NotFound
from meshweb.store.models import CertificateJob, JoinToken, JoinTokenUse
from meshweb.store.models.revision import Origin


class JoinThrottle(AddressThrottle):
    scope = "join"


class JoinTokenList(APIView):
    @extend_schema(operation_id="join_tokens_list", responses=shapes.Page[shapes.JoinToken])
    def get(self, request: Request) -> Response:
        found = paging.page(request, JoinToken.objects.all(), ("created_at", "id"), _tokens, descending=True)
        return Response(found.model_dump(mode="json"))

    @extend_schema(operation_id="join_tokens_create", request=shapes.NewJoinToken, responses={201: shapes.CreatedJoinToken})
    def post(self, request: Request) -> Response:
        wanted = shapes.NewJoinToken.model_validate(bodies.parse_body(request))
        ttl = queries.duration(wanted.ttl, "/ttl")
        row, made = join_tokens.create_token(actor_of(request), wanted.namespace, wanted.workload_group, ttl, wanted.uses)
        text = made.text()
        created = shapes.CreatedJoinToken(
            id=row.id, token=text, expires_at=row.expires_at, command=f"meshweb-agent run --token {shlex.quote(text)}"
        )
        return Response(created.model_dump(mode="json"), status=201)


class JoinTokenDetail(APIView):
    @extend_schema(operation_id="join_tokens_retrieve", responses=shapes.JoinToken)
    def get(self, request: Request, identifier: str) -> Response:
        row = JoinToken.objects.filter(id=identifier).first()
        if row is None:
            raise NotFound(f"there is no join token {identifier}")
        return Response(_tokens([row])[0].model_dump(mode="json"))

    @extend_schema(operation_id="join_tokens_destroy", responses={204: None})
    def delete(self, request: Request, identifier: str) -> Response:
        join_tokens.revoke_token(actor_of(request), identifier)
        return Response(status=204)


def _tokens(rows: list[JoinToken]) -> list[shapes.JoinToken]:
    uses: dict[str, list[JoinTokenUse]] = {row.id: [] for row in rows}
    for use in JoinTokenUse.objects.filter(token__in=rows).select_related("proxy"):
        uses[use.token_id].append(use)
    proxies = [use.proxy_id for found in uses.values() for use in found if use.proxy_id]
    issued, failed = _first_certificates(proxies), _failures(proxies)
    return [_token(row, uses[row.id], issued, failed) for row in rows]


def _first_certificates(proxies: list[str]) -> dict[str, object]:
    from meshweb.store.models import Certificate

    rows = Certificate.objects.filter(proxy_id__in=proxies).order_by("-issued_at").values_list("proxy_id", "issued_at")
    return dict(rows)


def _failures(proxies: list[str]) -> dict[str, str]:
    """Why the last certificate that a proxy asked for was not signed; empty when it was."""
    rows = CertificateJob.objects.filter(proxy_id__in=proxies).order_by("created_at").values_list("proxy_id", "error")
    return dict(rows)


def _token(row: JoinToken, uses: list[JoinTokenUse], issued: dict[str, object], failed: dict[str, str]) -> shapes.JoinToken:
    return shapes.JoinToken(
        id=row.id,
        namespace=row.namespace,
        workload_group=row.workload_group,
        uses=row.uses,
        uses_left=row.uses_left,
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        state=_state(row),
        redemptions=[
            shapes.Redemption(
                proxy=use.proxy.id,
                at=use.at,
                certificate_issued_at=issued.get(use.proxy.id),
                connected_at=use.proxy.connected_at,
                live_revision=use.proxy.live_revision,
                health=use.proxy.health_state,
                first_request_at=use.proxy.first_request_at,
                error=failed.get(use.proxy.id, ""),
            )
            for use in uses
            if use.proxy is not None
        ],
        refusals=[shapes.TokenRefusal(at=use.at, reason=use.refusal) for use in uses if use.proxy is None],
    )


def _state(row: JoinToken) -> str:
    if row.revoked_at is not None:
        return "revoked"
    if row.uses_left <= 0:
        return "used"
    return "expired" if row.expires_at <= timezone.now() else "active"


class Join(APIView):
    """For agents. The token's secret is the credential; over plain HTTP nothing is taken."""

    authentication_classes = ()
    permission_classes = PUBLIC
    throttle_classes = (JoinThrottle,)

    @extend_schema(operation_id="join", request=None, responses={201: dict}, tags=["agents"])
    def post(self, request: Request) -> Response:
        if not request.is_secure():
            raise Problem(403, "https_only", "agents join over HTTPS only")
        actor = Actor("agent", Origin.AGENT, getattr(request, "request_id", ""), request.META.get("REMOTE_ADDR") or "")
        joined = registration.join(actor, bodies.parse_body(request))
        return Response(joined.answer, status=201)

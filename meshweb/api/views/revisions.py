"""Revisions: what changed, and on which proxies it is live."""

from __future__ import annotations

from datetime import timedelta

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshweb.api import paging, queries, shapes
from meshweb.api.views.apply import DRY_RUN, answer
from meshweb.controlplane import render, revisions
from meshweb.controlplane.revisions import Standing
from meshweb.store.models import Revision

_PAGE = [OpenApiParameter("limit", int), OpenApiParameter("cursor", str)]


def summary(standing: Standing) -> shapes.RevisionSummary:
    row = standing.row
    return shapes.RevisionSummary(
        number=row.number,
        created_at=row.created_at,
        author=row.author,
        origin=row.origin,
        reason=row.reason,
        state=standing.state,
        changes=[shapes.Change(action=c.action, kind=c.kind, namespace=c.namespace, name=c.name) for c in standing.changes],
        counts=shapes.Counts(
            affected=len(standing.fates),
            live=standing.count("live"),
            rejected=standing.count("rejected"),
            pending=standing.count("pending"),
            disconnected=standing.count("disconnected"),
        ),
    )


def detail(standing: Standing) -> shapes.Revision:
    return shapes.Revision(
        **summary(standing).model_dump(by_alias=False),
        compiled_at=standing.row.compiled_at,
        sent_at=standing.sent_at,
        live_at=standing.live_at,
        proxies=[
            shapes.RevisionProxy(id=f.proxy, state=f.state, sent_at=f.sent_at, at=f.at, millis=f.millis, detail=f.detail)
            for f in standing.fates
        ],
    )


class RevisionList(APIView):
    @extend_schema(operation_id="revisions_list", parameters=_PAGE, responses=shapes.Page[shapes.RevisionSummary])
    def get(self, request: Request) -> Response:
        def shown(rows: list[Revision]) -> list[shapes.RevisionSummary]:
            return [summary(standing) for standing in revisions.standings(rows)]

        found = paging.page(request, Revision.objects.all(), ("number",), shown, descending=True)
        return Response(found.model_dump(mode="json"))


class RevisionDetail(APIView):
    @extend_schema(
        operation_id="revisions_retrieve",
        parameters=[OpenApiParameter("wait", str, description="Such as `30s`: until live, rejected or the time is over.")],
        responses=shapes.Revision,
    )
    def get(self, request: Request, number: int) -> Response:
        seconds = queries.duration_parameter(request, "wait", "0s", least=timedelta(0), most=timedelta(minutes=5))
        standing = revisions.wait(number, seconds.total_seconds())
        return Response(detail(standing).model_dump(mode="json"))


class RevisionDiff(APIView):
    @extend_schema(operation_id="revisions_diff", responses=shapes.RevisionDiff)
    def get(self, request: Request, number: int) -> Response:
        items = [
            shapes.DocumentDiff(
                kind=version.kind,
                namespace=version.namespace,
                name=version.name,
                action=version.action,
                before=render.as_yaml(render.shown(before.document)) if before is not None else None,
                after=render.as_yaml(render.shown(version.document, before.document if before is not None else None)),
            )
            for version, before in revisions.difference(number)
        ]
        return Response(shapes.RevisionDiff(items=items).model_dump(mode="json"))


class RevisionRollback(APIView):
    @extend_schema(operation_id="revisions_rollback", parameters=[DRY_RUN], request=None, responses=shapes.ApplyResult)
    def post(self, request: Request, number: int) -> Response:
        wishes = revisions.rollback_wishes(number)
        return answer(request, wishes, verb="roll back", reason=f"roll back revision {number}")

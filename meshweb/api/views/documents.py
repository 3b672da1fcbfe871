"""Documents of every kind: the same two views for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshweb.api import bodies, paging, queries, shapes
from meshweb.api.auth import actor_of
from meshweb.api.observed import NOTHING, Observed, observed
from meshweb.api.problems import Problem
from meshweb.api.views.apply import DRY_RUN, REASON, REVISION_HEADER, answer
from meshweb.controlplane import documents, render, revisions
from meshweb.core.intent import DocumentKey
from meshweb.kinds.base import Kind
from meshweb.store.models import Resource

_LIST_PARAMETERS = [
    OpenApiParameter("namespace", str, description="Only this namespace."),
    OpenApiParameter("label", str, description="`key=value` or `key!=value`, several separated by commas: all must hold."),
    OpenApiParameter("limit", int, description="1 to 1000, 100 when left out."),
    OpenApiParameter("cursor", str, description="`next` of the page before."),
]
_IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description='`"<metadata.resourceVersion>"`, or `*` for any version.'
)


def rendered(rows: list[Resource]) -> list[dict[str, Any]]:
    """Documents with their conditions, in a fixed number of queries."""
    programmed = revisions.programmed([(row.revision, row.generation) for row in rows])
    seen = observed(rows)
    return [_rendered(row, programmed, seen.get(row.pk, NOTHING)) for row in rows]


def _rendered(row: Resource, programmed: Mapping[int, dict[str, object]], seen: Observed = NOTHING) -> dict[str, Any]:
    stored = getattr(row, "stored_status", None)
    conditions = list(stored.conditions) if stored is not None else []
    own = programmed.get(row.revision)
    if own is not None:
        conditions.append({**own, "observedGeneration": row.generation})
    conditions += seen.conditions
    return render.document(row, conditions, stored.attached if stored is not None else {}, seen.parts)


def _answer(outcome: documents.Outcome, status: int, location: str = "") -> Response:
    row = outcome.written[0].row
    number = outcome.revision if outcome.revision is not None else (row.revision if row is not None else 0)
    headers = {REVISION_HEADER: str(number)}
    if row is None:
        return Response(status=204, headers=headers)
    headers["ETag"] = f'"{row.revision}"'
    if location:
        headers["Location"] = location
    # What was written just now is not compiled yet: nothing to look up.
    shown = _rendered(row, {row.revision: revisions.not_compiled()}) if outcome.revision is not None else rendered([row])[0]
    return Response(shown, status=status, headers=headers)


def _if_match(request: Request, key: DocumentKey) -> str:
    """The version that the caller has seen; of several, the one that the document has now. Raises Problem (428)."""
    header = request.headers.get("If-Match")
    if not header:
        raise Problem(428, "if_match_missing", "send If-Match with the ETag that you have seen, or * for any version")
    if header.strip() == "*":
        return documents.ANY_VERSION
    seen = [part.strip().removeprefix("W/").strip('"') for part in header.split(",")]
    if len(seen) == 1:
        return seen[0]
    now = Resource.objects.filter(kind=key.kind, namespace=key.namespace, name=key.name).values_list("revision", flat=True)
    return next((version for version in seen if version in {str(revision) for revision in now}), seen[0])


class KindView(APIView):
    """`kind` is set by the address."""

    kind: Kind

    def key(self, name: str, namespace: str = "") -> DocumentKey:
        return DocumentKey(self.kind.kind, namespace, name)


class DocumentList(KindView):
    @extend_schema(parameters=_LIST_PARAMETERS, responses=shapes.Page[shapes.Document])
    def get(self, request: Request) -> Response:
        rows = Resource.objects.filter(kind=self.kind.kind).select_related("stored_status")
        namespace = request.query_params.get("namespace")
        if namespace:
            rows = rows.filter(namespace=namespace)
        equal, unequal = queries.labels(request)
        for wanted in equal:
            rows = rows.filter(labels__contains=wanted)
        for unwanted in unequal:
            rows = rows.exclude(labels__contains=unwanted)
        found = paging.page(request, rows, ("namespace", "name"), rendered)
        return Response({"items": found.items, "next": found.next, "revision": found.revision})

    @extend_schema(request=shapes.Document, responses={201: shapes.Document})
    def post(self, request: Request) -> Response:
        outcome = documents.create(actor_of(request), self.kind, bodies.parse_body(request))
        key = outcome.written[0].key
        place = f"{key.namespace}/{key.name}" if key.namespace else key.name
        return _answer(outcome, 201, f"/api/v1/{self.kind.plural}/{place}")


class DocumentDetail(KindView):
    @extend_schema(responses=shapes.Document)
    def get(self, request: Request, name: str, namespace: str = "") -> Response:
        row = documents.find(self.key(name, namespace))
        return Response(rendered([row])[0], headers={"ETag": f'"{row.revision}"'})

    @extend_schema(request=shapes.Document, responses=shapes.Document, parameters=[_IF_MATCH])
    def put(self, request: Request, name: str, namespace: str = "") -> Response:
        absent = request.headers.get("If-None-Match", "").strip() == "*"
        key = self.key(name, namespace)
        version = None if absent else _if_match(request, key)
        raw = bodies.parse_body(request)
        outcome = documents.replace(actor_of(request), key, self.kind, raw, version=version, absent=absent)
        return _answer(outcome, 201 if absent else 200)

    @extend_schema(request={"application/merge-patch+json": shapes.Document}, responses=shapes.Document, parameters=[_IF_MATCH])
    def patch(self, request: Request, name: str, namespace: str = "") -> Response:
        version = _if_match(request, self.key(name, namespace))
        change = bodies.parse_body(request)
        outcome = documents.patch(actor_of(request), self.key(name, namespace), self.kind, change, version=version)
        return _answer(outcome, 200)

    @extend_schema(responses={200: shapes.ApplyResult, 204: None}, parameters=[_IF_MATCH, DRY_RUN, REASON])
    def delete(self, request: Request, name: str, namespace: str = "") -> Response:
        """`dryRun=true` answers 200 and what the deletion would change."""
        key = self.key(name, namespace)
        version = _if_match(request, key)
        reason = request.query_params.get("reason", "")
        if queries.flag(request, "dryRun"):
            return answer(request, [documents.deletion(key, version)], verb="delete", reason=reason)
        outcome = documents.delete(actor_of(request), key, version=version, reason=reason)
        return _answer(outcome, 204)

"""Many documents at once, all or nothing, and what that would change."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshweb.api import bodies, queries, shapes
from meshweb.api.auth import actor_of
from meshweb.api.impact import impact_shape
from meshweb.controlplane import documents, impact, render
from meshweb.controlplane.differences import differences
from meshweb.controlplane.documents import Wish, Written
from meshweb.kinds.registry import kind_named

REVISION_HEADER = "Meshweb-Revision"
REASON = OpenApiParameter("reason", str, description="Kept with the revision.")
DRY_RUN = OpenApiParameter("dryRun", bool, description="Only say what would change: nothing is written.")


class Apply(APIView):
    @extend_schema(
        operation_id="apply",
        parameters=[DRY_RUN, REASON],
        request={"application/yaml": str, "application/json": shapes.Document},
        responses=shapes.ApplyResult,
    )
    def post(self, request: Request) -> Response:
        wishes = documents.apply_wishes(bodies.parse_documents(request))
        return answer(request, wishes, verb="apply", reason=request.query_params.get("reason", ""))


def answer(request: Request, wishes: list[Wish], *, verb: str, reason: str) -> Response:
    """Carries the wishes out, or (dryRun) only says what they would change."""
    dry = queries.flag(request, "dryRun")
    state = impact.current_state()
    if dry:
        outcome = documents.Outcome(None, documents.preview(wishes))
    else:
        outcome = documents.write(actor_of(request), wishes, verb=verb, reason=reason)
    result = shapes.ApplyResult(
        revision=outcome.revision,
        dry_run=dry,
        impact=impact_shape(wishes, state, with_access=dry),
        results=[_item(number, written) for number, written in enumerate(outcome.written)],
    )
    headers = {REVISION_HEADER: str(outcome.revision)} if outcome.revision is not None else {}
    return Response(result.model_dump(mode="json"), headers=headers)


def _item(number: int, written: Written) -> shapes.ApplyItem:
    kind = kind_named(written.key.kind)
    before, after = render.shown(written.before), render.shown(written.after, written.before)
    found: list[dict[str, Any]] = differences(before or {}, after or {})
    return shapes.ApplyItem(
        document=number,
        api_version=kind.api_version if kind is not None else "",
        kind=written.key.kind,
        namespace=written.key.namespace or None,
        name=written.key.name,
        action=written.action,
        before=render.as_yaml(before),
        after=render.as_yaml(after) or "",
        diff=[shapes.Difference(**item) for item in found],
    )

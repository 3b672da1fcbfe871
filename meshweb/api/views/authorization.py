"""Who may call whom beside who did, and which policies would say so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshweb.api import queries, shapes
from meshweb.api.bodies import wrong
from meshweb.api.reasons import ACCESS, reason_shape
from meshweb.core.reach import Reach
from meshweb.core.reach_words import reach_words
from meshweb.core.suggestions import Unseen
from meshweb.telemetry import access, suggestions
from meshweb.telemetry.access import Asked, Cell, Matrix
from meshweb.telemetry.ingest import FINE, bucket_start
from meshweb.telemetry.suggestions import Evidence, Suggested
from meshweb.telemetry.traffic import Window

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
_UNSEEN = 100
"""Most unseen callers that are named."""
_LEAST, _MOST = timedelta(seconds=10), timedelta(hours=24)


_WINDOW = OpenApiParameter("window", str, description="10s to 24h.")
_AT = OpenApiParameter("at", str, description="End of the window; now when left out.")


class AccessMatrix(APIView):
    @extend_schema(
        operation_id="access_matrix",
        parameters=[
            _WINDOW,
            _AT,
            OpenApiParameter("namespace", str, description="Only services of this namespace; callers of all."),
            OpenApiParameter("service", str, description="Only this one: namespace/name."),
            OpenApiParameter("caller", str, description="Only this one, as the matrix names it."),
            OpenApiParameter(
                "limit", int, description="Most callers and most services of an answer, 1 to 200; 50 when left out."
            ),
            OpenApiParameter("cursor", str, description="`next` of the answer before."),
        ],
        responses=shapes.AccessMatrix,
    )
    def get(self, request: Request) -> Response:
        window = _window(request, "1h")
        text = {name: request.query_params.get(name, "") for name in ("namespace", "service", "caller")}
        asked = Asked(**text, limit=_limit(request), after=request.query_params.get("cursor", ""))
        return Response(_shown(access.matrix(window, asked)).model_dump(mode="json"))


class AccessSuggestions(APIView):
    @extend_schema(
        operation_id="access_suggestions",
        parameters=[
            _WINDOW,
            _AT,
            OpenApiParameter("namespace", str, description="Only for services of this namespace."),
            OpenApiParameter("service", str, description="Only for this one: namespace/name."),
            OpenApiParameter("enforce", bool, description="Policies that decide, instead of dry runs."),
        ],
        responses=shapes.AccessSuggestions,
    )
    def get(self, request: Request) -> Response:
        text = {name: request.query_params.get(name, "") for name in ("namespace", "service")}
        found = suggestions.suggestions(_window(request, "24h"), **text, enforce=queries.flag(request, "enforce"))
        answer = shapes.AccessSuggestions(
            start=found.window.start,
            end=found.window.end,
            since=found.since,
            revision=found.revision,
            items=[_suggested(item) for item in found.items],
        )
        return Response(answer.model_dump(mode="json"))


def _window(request: Request, default: str) -> Window:
    length = queries.duration_parameter(request, "window", default, least=_LEAST, most=_MOST)
    at = queries.moment(request, "at")
    window = Window.ending(at, length)
    if request.query_params.get("at"):
        return window
    # Long windows end with whole minutes; who called since counts too.
    return replace(window, end=max(window.end, bucket_start(at.timestamp(), FINE)))


def _limit(request: Request) -> int:
    """Raises Problem (422)."""
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not text.isdecimal() or not 1 <= int(text) <= MAX_LIMIT:
        raise wrong("/limit", "range", f"the query parameter limit must be 1 to {MAX_LIMIT}")
    return int(text)


def _shown(found: Matrix) -> shapes.AccessMatrix:
    return shapes.AccessMatrix(
        start=found.window.start,
        end=found.window.end,
        revision=found.revision,
        callers=[shapes.AccessCaller(name=r.name, kind=r.kind, identities=list(r.identities)) for r in found.rows],
        services=[
            shapes.AccessService(
                name=str(s.ref), ports=[port.number for port in s.ports], workloads=found.workloads[str(s.ref)]
            )
            for s in found.columns
        ],
        cells=[_cell(cell) for cell in found.cells],
        left_out=shapes.AccessLeftOut(callers=found.left_out, services=found.services - len(found.columns)),
        next=found.following,
    )


def _cell(cell: Cell) -> shapes.AccessCell:
    return shapes.AccessCell(
        caller=cell.caller,
        service=cell.service,
        access=ACCESS[cell.reached.reach],
        state=cell.state,
        everyone=cell.reached.admitted_by_anyone,
        reason=reach_words(cell.reached),
        reasons=[reason_shape(reason) for reason in cell.reached.reasons],
        requests=cell.calls.requests if cell.calls is not None else 0,
        denied=cell.calls.denied if cell.calls is not None else 0,
        last_seen=cell.calls.last if cell.calls is not None else None,
    )


def _suggested(item: Suggested) -> shapes.AccessSuggestion:
    found = item.suggestion
    return shapes.AccessSuggestion(
        service=str(item.service.ref),
        policy=found.policy,
        why=found.why,
        admitted=[_caller(evidence) for evidence in item.admitted],
        nameless=[_caller(evidence) for evidence in item.nameless],
        refused=[_caller(evidence) for evidence in item.refused],
        unseen=[_unseen(unseen) for unseen in found.unseen[:_UNSEEN]],
        unseen_left_out=max(len(found.unseen) - _UNSEEN, 0),
        standing=[str(key) for key in found.standing],
        unknowable=list(found.unknowable),
    )


def _caller(evidence: Evidence) -> shapes.SuggestedCaller:
    return shapes.SuggestedCaller(
        name=evidence.caller,
        identities=list(evidence.identities),
        ports=sorted(evidence.ports),
        requests=evidence.requests,
        denied=evidence.denied,
        plain=evidence.plain,
        last_seen=evidence.last,
    )


def _unseen(found: Unseen) -> shapes.UnseenCaller:
    return shapes.UnseenCaller(
        name=found.name,
        access="allowed" if found.reached.reach is Reach.ALWAYS else "partly",
        reason=reach_words(found.reached),
        reasons=[reason_shape(reason) for reason in found.reached.reasons],
    )

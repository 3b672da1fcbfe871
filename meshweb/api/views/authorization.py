"""Who may call whom, beside who did."""

from __future__ import annotations

from datetime import timedelta

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshweb.api import queries, shapes
from meshweb.api.bodies import wrong
from meshweb.api.reasons import ACCESS, reason_shape
from meshweb.core.reach_words import reach_words
from meshweb.telemetry import access
from meshweb.telemetry.access import Asked, Cell, Matrix
from meshweb.telemetry.traffic import Window

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
_LEAST, _MOST = timedelta(seconds=10), timedelta(hours=24)


class AccessMatrix(APIView):
    @extend_schema(
        operation_id="access_matrix",
        parameters=[
            OpenApiParameter("window", str, description="10s to 24h; 1h when left out."),
            OpenApiParameter("at", str, description="End of the window; now when left out."),
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
        length = queries.duration_parameter(request, "window", "1h", least=_LEAST, most=_MOST)
        window = Window.ending(queries.moment(request, "at"), length)
        text = {name: request.query_params.get(name, "") for name in ("namespace", "service", "caller")}
        asked = Asked(**text, limit=_limit(request), after=request.query_params.get("cursor", ""))
        return Response(_shown(access.matrix(window, asked)).model_dump(mode="json"))


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

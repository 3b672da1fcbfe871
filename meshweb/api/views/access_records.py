"""What AUDIT policies recorded."""

from __future__ import annotations

from datetime import timedelta

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshweb.api import paging, queries, shapes
from meshweb.store.models import AccessRecord
from meshweb.telemetry import access_records

_FILTERS = ("source", "destination", "workload", "policy")
_PARAMETERS = [
    *(OpenApiParameter(name, str, description="namespace/name") for name in _FILTERS),
    OpenApiParameter("allowed", bool, description="Whether policies let it pass; both when left out."),
    OpenApiParameter("window", str, description="10s to 7d; 1h when left out."),
    OpenApiParameter("at", str, description="End of the window; now when left out."),
    OpenApiParameter("limit", int),
    OpenApiParameter("cursor", str),
]


class AccessRecordList(APIView):
    @extend_schema(operation_id="access_records_list", parameters=_PARAMETERS, responses=shapes.AccessRecords)
    def get(self, request: Request) -> Response:
        window = queries.duration_parameter(request, "window", "1h", least=timedelta(seconds=10), most=access_records.LIFE)
        end = queries.moment(request, "at")
        wanted: dict[str, object] = {name: value for name in _FILTERS if (value := request.query_params.get(name))}
        if request.query_params.get("allowed"):
            wanted["allowed"] = queries.flag(request, "allowed")
        rows = access_records.recorded(end - window, end, wanted)
        found = paging.page(request, rows, ("at", "id"), lambda part: [_shown(row) for row in part], descending=True)
        shown = shapes.AccessRecords(
            start=end - window, end=end, items=found.items, next=found.next, lost=access_records.lost(end - window, end)
        )
        return Response(shown.model_dump(mode="json"))


def _shown(row: AccessRecord) -> shapes.AccessRecord:
    return shapes.AccessRecord(
        at=row.at,
        source=row.source,
        identity=row.identity,
        destination=row.destination,
        workload=row.workload,
        port=row.port,
        method=row.method,
        path=row.path,
        status=row.status or None,
        document=f"AuthorizationPolicy {row.policy}",
        field=f"/spec/rules/{row.rule}",
        allowed=row.allowed,
    )

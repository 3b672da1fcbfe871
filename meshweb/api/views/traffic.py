"""Topology, its series, and the mesh at a glance."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshweb.api import queries, shapes
from meshweb.api.bodies import wrong
from meshweb.controlplane import proxies, revisions
from meshweb.controlplane.authority import authority
from meshweb.store.models import Proxy, Revision
from meshweb.telemetry import denials, series, topology
from meshweb.telemetry.topology import Edge, Node, Version
from meshweb.telemetry.traffic import Sums, Window

_WINDOW = OpenApiParameter("window", str, description="10s to 1h; 60s when left out.")
_AT = OpenApiParameter("at", str, description="End of the window; now when left out.")
_LEAST, _MOST = timedelta(seconds=10), timedelta(hours=24)


def _window(request: Request, default: str) -> Window:
    length = queries.duration_parameter(request, "window", default, least=_LEAST, most=_MOST)
    return Window.ending(queries.moment(request, "at"), length)


class TopologyView(APIView):
    @extend_schema(
        operation_id="topology_retrieve",
        parameters=[_WINDOW, _AT, OpenApiParameter("namespace", str)],
        responses=shapes.Topology,
    )
    def get(self, request: Request) -> Response:
        found = topology.topology(_window(request, "60s"), request.query_params.get("namespace", ""))
        seconds = found.window.seconds
        shown = shapes.Topology(
            start=found.window.start,
            end=found.window.end,
            revision=found.revision,
            telemetry_at=found.telemetry_at,
            reporting=found.reporting,
            connected=found.connected,
            nodes=[_node(node, seconds) for node in found.nodes],
            edges=[_edge(edge, seconds) for edge in found.edges],
        )
        return Response(shown.model_dump(mode="json"))


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 3)


def _error_rate(sums: Sums) -> float:
    return round(sums.errors / sums.requests, 5) if sums.requests else 0.0


def _node(node: Node, seconds: float) -> shapes.TopologyNode:
    namespace, _, name = node.id.rpartition("/")
    return shapes.TopologyNode(
        id=node.id,
        namespace=namespace,
        name=name,
        kind=node.kind,
        health=node.health,
        reason=node.reason,
        rps=_rate(node.received.requests, seconds),
        error_rate=_error_rate(node.received),
        workloads=shapes.WorkloadCounts(
            total=node.workloads.total, healthy=node.workloads.healthy, connected=node.workloads.connected
        ),
        versions=[_version(item, seconds) for item in node.versions],
    )


def _version(item: Version, seconds: float) -> shapes.Version:
    return shapes.Version(
        service=item.service,
        label=item.label,
        weight=round(item.weight, 4),
        share=round(item.share, 4) if item.share is not None else None,
        rps=_rate(item.sums.requests, seconds),
        error_rate=_error_rate(item.sums),
        p50=item.sums.quantile(0.5),
        p95=item.sums.quantile(0.95),
        p99=item.sums.quantile(0.99),
    )


def _edge(edge: Edge, seconds: float) -> shapes.TopologyEdge:
    sums = edge.sums
    ok, redirected, refused, failed = (_rate(count, seconds) for count in sums.classes)
    return shapes.TopologyEdge(
        source=edge.source,
        destination=edge.destination,
        rps=_rate(sums.requests, seconds),
        requests=sums.requests,
        error_rate=_error_rate(sums),
        errors=_rate(sums.errors, seconds),
        denied=_rate(sums.denied, seconds),
        classes=shapes.Classes(ok=ok, redirected=redirected, refused=refused, failed=failed),
        p50=sums.quantile(0.5),
        p95=sums.quantile(0.95),
        p99=sums.quantile(0.99),
        mtls=sums.encrypted,
        health=edge.health,
        reason=edge.reason,
        last_seen=sums.last,
    )


class DenialList(APIView):
    @extend_schema(
        operation_id="denials_list",
        parameters=[OpenApiParameter("source", str), OpenApiParameter("destination", str), _WINDOW, _AT],
        responses=shapes.Denials,
    )
    def get(self, request: Request) -> Response:
        window = _window(request, "5m")
        who = {name: request.query_params.get(name, "") for name in ("source", "destination")}
        shown = shapes.Denials(
            start=window.start,
            end=window.end,
            items=[_denied(item) for item in denials.denied(window.start, window.end, **who)],
        )
        return Response(shown.model_dump(mode="json"))


def _denied(item: denials.Denied) -> shapes.Denied:
    reason = item.reason
    return shapes.Denied(
        source=item.source,
        destination=item.destination,
        cause=reason.cause,
        detail=reason.detail,
        document=reason.document,
        field=reason.field,
        dry_run=reason.dry_run,
        requests=item.requests,
        last_seen=item.last,
    )


class SeriesView(APIView):
    @extend_schema(
        operation_id="topology_series",
        parameters=[
            OpenApiParameter("source", str),
            OpenApiParameter("destination", str),
            _WINDOW,
            _AT,
            OpenApiParameter("step", str, description="10s when left out."),
        ],
        responses=shapes.Series,
    )
    def get(self, request: Request) -> Response:
        step = queries.duration_parameter(request, "step", "10s", least=_LEAST, most=timedelta(hours=1))
        window = _window(request, "1h")
        source, destination = (request.query_params.get(name, "") for name in ("source", "destination"))
        try:
            points = series.series(window, step, source=source, destination=destination)
        except ValueError as error:
            raise wrong("/step", "range", str(error)) from None
        shown = shapes.Series(
            start=points[0].at, step=series.step_seconds(window, step), points=[_point(point) for point in points]
        )
        return Response(shown.model_dump(mode="json"))


def _point(point: series.Point) -> shapes.SeriesPoint:
    sums = point.sums
    if sums is None:
        return shapes.SeriesPoint(at=point.at, requests=None, errors=None, denied=None, p50=None, p95=None, p99=None)
    return shapes.SeriesPoint(
        at=point.at,
        requests=sums.requests,
        errors=sums.errors,
        denied=sums.denied,
        p50=sums.quantile(0.5),
        p95=sums.quantile(0.95),
        p99=sums.quantile(0.99),
    )


class MeshView(APIView):
    @extend_schema(operation_id="mesh_retrieve", responses=shapes.Mesh)
    def get(self, request: Request) -> Response:
        rows = list(Proxy.objects.filter(revoked_at=None))
        states = [facts.state for facts in proxies.facts(rows)]
        newest = Revision.objects.first()
        root = authority().root.certificate
        last = series.last_call()
        shown = shapes.Mesh(
            name=settings.MESH_NAME,
            trust_domain=settings.TRUST_DOMAIN,
            version=version("meshweb"),
            revision=newest.number if newest is not None else 0,
            revision_state=revisions.standings([newest])[0].state if newest is not None else "live",
            proxies=shapes.ProxyCounts(
                total=len(rows),
                connected=sum(row.connected for row in rows),
                synced=states.count("synced"),
                rejected=states.count("rejected"),
            ),
            telemetry_at=topology.newest_report(),
            last_call=shapes.LastCall(source=last[0], destination=last[1], at=last[2]) if last is not None else None,
            certificate_authority=shapes.AuthoritySummary(
                subject=root.subject.rfc4514_string(), expires_at=root.not_valid_after_utc
            ),
        )
        return Response(shown.model_dump(mode="json"))

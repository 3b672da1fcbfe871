"""Workloads, and how their callers see them."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshweb.api import paging, shapes
from meshweb.controlplane.errors import NotFound
from meshweb.core import names
from meshweb.core.builder import MeshBuilder
from meshweb.store.mesh import current_mesh
from meshweb.store.models import Proxy, Resource
from meshweb.telemetry import endpoints
from meshweb.telemetry.endpoints import SeenEndpoint, WorkloadFacts


class WorkloadList(APIView):
    @extend_schema(
        operation_id="workloads_list",
        parameters=[
            OpenApiParameter("namespace", str),
            OpenApiParameter("service", str, description="Only those behind this service: namespace/name."),
            OpenApiParameter("limit", int),
            OpenApiParameter("cursor", str),
        ],
        responses=shapes.Page[shapes.Workload],
    )
    def get(self, request: Request) -> Response:
        mesh = current_mesh().read().mesh
        rows = Resource.objects.filter(kind="WorkloadEntry")
        namespace, service = (request.query_params.get(name) for name in ("namespace", "service"))
        if namespace:
            rows = rows.filter(namespace=namespace)
        if service:
            rows = rows.filter(namespace=service.partition("/")[0], name__in=endpoints.names_behind(mesh, service))

        def render(part: list[Resource]) -> list[shapes.Workload]:
            return [shown(mesh, facts) for facts in endpoints.workloads(mesh, [(row.namespace, row.name) for row in part])]

        found = paging.page(request, rows, ("namespace", "name"), render)
        return Response(found.model_dump(mode="json"))


class WorkloadDetail(APIView):
    @extend_schema(operation_id="workloads_retrieve", responses=shapes.Workload)
    def get(self, request: Request, namespace: str, name: str) -> Response:
        mesh = current_mesh().read().mesh
        found = endpoints.workloads(mesh, [(namespace, name)])
        if not found:
            raise NotFound(f"there is no workload {namespace}/{name}")
        return Response(shown(mesh, found[0]).model_dump(mode="json"))


class ProxyEndpoints(APIView):
    @extend_schema(operation_id="proxies_endpoints", responses=shapes.ProxyEndpoints)
    def get(self, request: Request, namespace: str, name: str) -> Response:
        row = Proxy.objects.filter(namespace=namespace, name=name, revoked_at=None).first()
        if row is None:
            raise NotFound(f"there is no proxy {namespace}/{name}")
        found = shapes.ProxyEndpoints(
            proxy=row.id, at=row.endpoints_at, endpoints=[_endpoint(seen) for seen in endpoints.of_proxy(row)]
        )
        return Response(found.model_dump(mode="json"))


def shown(mesh: MeshBuilder, facts: WorkloadFacts) -> shapes.Workload:
    workload, proxy, seen = facts.workload, facts.proxy, facts.seen
    return shapes.Workload(
        id=workload.id,
        namespace=workload.namespace,
        name=workload.name,
        address=workload.address,
        labels=dict(sorted(workload.labels)),
        identity=names.spiffe_id(mesh.settings.trust_domain, workload.namespace, workload.service_account),
        services=list(facts.services),
        joined=proxy is not None,
        connected=proxy is not None and proxy.connected,
        health=shapes.ProxyHealth(state=proxy.health_state, reason=proxy.health_reason, at=proxy.health_at)
        if proxy is not None
        else shapes.ProxyHealth(state="unknown", reason="no agent reports for it", at=None),
        seen=shapes.SeenByCallers(
            callers=seen.callers, healthy=seen.healthy, at=seen.at, out=[_endpoint(each) for each in seen.out]
        ),
    )


def _endpoint(seen: SeenEndpoint) -> shapes.SeenEndpoint:
    return shapes.SeenEndpoint(
        caller=seen.caller,
        service=seen.service,
        port=seen.port,
        address=seen.address,
        state=seen.state,
        since=seen.since,
        at=seen.at,
    )

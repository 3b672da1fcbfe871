"""Proxies and their certificates."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshweb.api import paging, shapes
from meshweb.api.auth import actor_of
from meshweb.controlplane import proxies, registration
from meshweb.controlplane.errors import NotFound
from meshweb.controlplane.proxies import ProxyFacts
from meshweb.store.models import Certificate, Proxy

_PAGE = [OpenApiParameter("limit", int), OpenApiParameter("cursor", str)]


def shown(facts: ProxyFacts) -> shapes.Proxy:
    row, certificate = facts.row, facts.certificate
    return shapes.Proxy(
        id=row.id,
        namespace=row.namespace,
        name=row.name,
        workload_group=row.workload_group,
        identity=row.spiffe_id,
        mode=row.mode,
        bind=row.bind,
        app_address=row.app_address,
        gateway=row.gateway,
        agent_version=row.agent_version,
        envoy_version=row.envoy_version,
        state=facts.state,
        connected=row.connected,
        connected_at=row.connected_at,
        last_seen=row.last_seen,
        live_revision=row.live_revision,
        wanted_revision=facts.wanted_revision,
        services=row.services,
        health=shapes.ProxyHealth(state=row.health_state, reason=row.health_reason, at=row.health_at),
        certificate=shapes.ProxyCertificate(
            serial=certificate.serial, not_before=certificate.not_before, expires_at=certificate.not_after
        )
        if certificate is not None
        else None,
        types=[shapes.ProxyType(type=t.type, state=t.state, version=t.version, at=t.at, detail=t.detail) for t in facts.types],
        first_request_at=row.first_request_at,
        joined_at=row.joined_at,
    )


class ProxyList(APIView):
    @extend_schema(
        operation_id="proxies_list",
        parameters=[OpenApiParameter("namespace", str), *_PAGE],
        responses=shapes.Page[shapes.Proxy],
    )
    def get(self, request: Request) -> Response:
        rows = Proxy.objects.filter(revoked_at=None)
        namespace = request.query_params.get("namespace")
        if namespace:
            rows = rows.filter(namespace=namespace)
        found = paging.page(request, rows, ("namespace", "name"), lambda part: [shown(f) for f in proxies.facts(part)])
        return Response(found.model_dump(mode="json"))


class ProxyDetail(APIView):
    @extend_schema(operation_id="proxies_retrieve", responses=shapes.Proxy)
    def get(self, request: Request, namespace: str, name: str) -> Response:
        row = Proxy.objects.filter(namespace=namespace, name=name, revoked_at=None).first()
        if row is None:
            raise NotFound(f"there is no proxy {namespace}/{name}")
        return Response(shown(proxies.facts([row])[0]).model_dump(mode="json"))

    @extend_schema(operation_id="proxies_destroy", responses={204: None})
    def delete(self, request: Request, namespace: str, name: str) -> Response:
        registration.remove(actor_of(request), namespace, name)
        return Response(status=204)


class CertificateList(APIView):
    @extend_schema(
        operation_id="certificates_list",
        parameters=[OpenApiParameter("proxy", str, description="Only of this proxy: namespace/name."), *_PAGE],
        responses=shapes.Page[shapes.Certificate],
    )
    def get(self, request: Request) -> Response:
        rows = Certificate.objects.defer("chain")
        proxy = request.query_params.get("proxy")
        if proxy:
            rows = rows.filter(proxy_id=proxy)
        found = paging.page(request, rows, ("issued_at", "serial"), _certificates, descending=True)
        return Response(found.model_dump(mode="json"))


def _certificates(rows: list[Certificate]) -> list[shapes.Certificate]:
    now = timezone.now()
    newest = proxies.newest_certificates({row.proxy_id for row in rows})
    return [
        shapes.Certificate(
            serial=row.serial,
            proxy=row.proxy_id,
            identity=row.spiffe_id,
            not_before=row.not_before,
            expires_at=row.not_after,
            issued_at=row.issued_at,
            state="expired"
            if row.not_after <= now
            else "active"
            if newest[row.proxy_id].serial == row.serial
            else "superseded",
        )
        for row in rows
    ]

"""Addresses below /api/v1. A kind brings its own two."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path, re_path
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularAPIView

from meshweb.api.auth import PUBLIC
from meshweb.api.problems import not_found
from meshweb.api.views import (
    access,
    access_records,
    apply,
    authorization,
    effective,
    explain,
    joining,
    proxies,
    revisions,
    traffic,
    workloads,
)
from meshweb.api.views.documents import DocumentDetail, DocumentList
from meshweb.kinds.base import Kind
from meshweb.kinds.registry import KINDS


class OpenApi(SpectacularAPIView):
    authentication_classes = ()
    permission_classes = PUBLIC
    renderer_classes = [OpenApiJsonRenderer]


def _of(kind: Kind) -> list[URLPattern]:
    listing: type[DocumentList] = type(f"{kind.kind}List", (DocumentList,), {"kind": kind})
    detail: type[DocumentDetail] = type(f"{kind.kind}Detail", (DocumentDetail,), {"kind": kind})
    place = "<str:namespace>/<str:name>" if kind.namespaced else "<str:name>"
    return [path(kind.plural, listing.as_view()), path(f"{kind.plural}/{place}", detail.as_view())]


urlpatterns: list[URLPattern | URLResolver] = [
    *(pattern for kind in KINDS for pattern in _of(kind)),
    path("apply", apply.Apply.as_view()),
    path("revisions", revisions.RevisionList.as_view()),
    path("revisions/<int:number>", revisions.RevisionDetail.as_view()),
    path("revisions/<int:number>/diff", revisions.RevisionDiff.as_view()),
    path("revisions/<int:number>/rollback", revisions.RevisionRollback.as_view()),
    path("proxies", proxies.ProxyList.as_view()),
    path("proxies/<str:namespace>/<str:name>", proxies.ProxyDetail.as_view()),
    path("proxies/<str:namespace>/<str:name>/effective", effective.ProxyEffective.as_view()),
    path("proxies/<str:namespace>/<str:name>/endpoints", workloads.ProxyEndpoints.as_view()),
    path("workloads", workloads.WorkloadList.as_view()),
    path("workloads/<str:namespace>/<str:name>", workloads.WorkloadDetail.as_view()),
    path("access-matrix", authorization.AccessMatrix.as_view()),
    path("access-suggestions", authorization.AccessSuggestions.as_view()),
    path("explain", explain.Explain.as_view()),
    path("certificates", proxies.CertificateList.as_view()),
    path("join-tokens", joining.JoinTokenList.as_view()),
    path("join-tokens/<str:identifier>", joining.JoinTokenDetail.as_view()),
    path("join", joining.Join.as_view()),
    path("session", access.SessionView.as_view()),
    path("session/password", access.Password.as_view()),
    path("api-tokens", access.ApiTokenList.as_view()),
    path("api-tokens/<str:identifier>", access.ApiTokenDetail.as_view()),
    path("audit", access.AuditList.as_view()),
    path("topology", traffic.TopologyView.as_view()),
    path("denials", traffic.DenialList.as_view()),
    path("access-records", access_records.AccessRecordList.as_view()),
    path("topology/series", traffic.SeriesView.as_view()),
    path("mesh", traffic.MeshView.as_view()),
    path("openapi.json", OpenApi.as_view()),
    re_path(r"^.*$", not_found),
]

"""All addresses: the API, the operator's endpoints, and the console for the rest."""

from __future__ import annotations

from django.urls import include, path, re_path

from meshweb.api.views import operations

urlpatterns = [
    path("api/v1/", include("meshweb.api.urls")),
    re_path(r"^api(/.*)?$", operations.no_such_api),
    path("healthz", operations.healthz),
    path("readyz", operations.readyz),
    path("metrics", operations.metrics),
    re_path(r"^(?!assets/).*$", operations.console),
]

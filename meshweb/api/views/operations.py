"""Is it up, is it ready, and its numbers. Nothing here tells a secret."""

from __future__ import annotations

import ipaddress
import logging

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from meshweb.api.problems import CONTENT_TYPE, body_of, not_found
from meshweb.controlplane import access, hints, proxies
from meshweb.store.models import Certificate, CertificateJob, MeshState, Proxy

log = logging.getLogger(__name__)


def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """Each part on which it depends; 503 when one is missing."""
    found = {"database": _database(), "migrations": "", "redis": _redis()}
    if not found["database"]:
        found["migrations"] = _migrations()
    ok = not any(found.values())
    return JsonResponse({"ready": ok, "checks": {k: v or "ok" for k, v in found.items()}}, status=200 if ok else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        log.warning("not ready: %s", error)  # the words name hosts and users, which strangers need not know
        return "not available"
    return ""


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(missing)} migrations are not applied: run manage.py migrate" if missing else ""


def _redis() -> str:
    try:
        hints.client().ping()
    except (redis.RedisError, OSError) as error:
        log.warning("not ready: %s", error)
        return "not available"
    return ""


def _may_read(request: HttpRequest) -> bool:
    if ipaddress.ip_address(request.META.get("REMOTE_ADDR") or "0.0.0.0").is_loopback:
        return True
    token = access.api_token(request.headers.get("Authorization", "").removeprefix("Bearer ").strip())
    return token is not None and "read" in token.scopes


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, from the database: the same numbers from every process. From loopback, or with an API token."""
    if not _may_read(request):
        made = getattr(request, "request_id", "")
        body = body_of(401, "not_signed_in", "metrics are read from loopback, or with an API token that may read", made)
        return JsonResponse(body, status=401, content_type=CONTENT_TYPE, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    state = MeshState.objects.get(id=1)
    gauge = Gauge("meshweb_revision", "Newest revision.", registry=registry)
    gauge.set(state.revision)
    Gauge("meshweb_compiled_revision", "Newest compiled revision.", registry=registry).set(state.compiled_revision)
    by_state = Gauge("meshweb_proxies", "Proxies by state.", ["state"], registry=registry)
    for name in ("joining", "synced", "pending", "rejected", "disconnected"):
        by_state.labels(name).set(0)
    rows = list(Proxy.objects.filter(revoked_at=None))
    for facts in proxies.facts(rows):
        by_state.labels(facts.state).inc()
    soonest = (
        Certificate.objects.filter(proxy__revoked_at=None).order_by("not_after").values_list("not_after", flat=True).last()
    )
    if soonest is not None:
        Gauge("meshweb_certificate_newest_end_seconds", "End of the newest certificate.", registry=registry).set(
            soonest.timestamp()
        )
    waiting = CertificateJob.objects.filter(state=CertificateJob.State.QUEUED).count()
    Gauge("meshweb_certificate_jobs_waiting", "Certificate requests that are not signed yet.", registry=registry).set(waiting)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


@csrf_exempt
def no_such_api(request: HttpRequest, *_: object) -> HttpResponse:
    """Other versions of the API do not exist."""
    return not_found(request)


def console(request: HttpRequest) -> HttpResponse | FileResponse:
    """The console's page for every address that is its own; the console reads the address."""
    page = settings.CONSOLE_DIR / "index.html"
    if not page.is_file():
        made = getattr(request, "request_id", "")
        body = body_of(503, "console_missing", "the console is not built here: run ./dev setup", made)
        return JsonResponse(body, status=503, content_type=CONTENT_TYPE)
    response = FileResponse(page.open("rb"), content_type="text/html; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response

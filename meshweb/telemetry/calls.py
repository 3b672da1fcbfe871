"""How often who called whom in a window, without latencies: summed by the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Max, Sum

from meshweb.store.models import BackendBucket, EdgeBucket
from meshweb.telemetry.traffic import Pair, Window, buckets_of

_ALL = F("c2xx") + F("c3xx") + F("c4xx") + F("c5xx")


@dataclass(frozen=True, slots=True)
class Calls:
    """requests: as the caller's proxies counted them, those that were denied among them; `denied`: as the server's did. plain: requests
    that went without mTLS. last: the newest bucket with either kind."""

    requests: int
    denied: int
    plain: int
    last: datetime

    @property
    def admitted(self) -> int:
        """How many were let through, as far as both sides have reported."""
        return max(self.requests - self.denied, 0)


def calls(window: Window) -> dict[Pair, Calls]:
    """By (source, destination): the service that was called; a denial also by the service that denied."""
    rows = EdgeBucket.objects.filter(buckets_of(window)).values_list("source", "destination")
    summed = rows.annotate(Sum("denied"), Sum("plain"), requests=Sum(_ALL), last=Max("start"))
    return {
        (source, destination): Calls(requests, denied, plain, last)
        for source, destination, denied, plain, requests, last in summed
        if requests or denied
    }


def arrived(window: Window) -> dict[Pair, Calls]:
    """By (source, backend): the service to which a route led. Nothing is known there of denials and of mTLS."""
    rows = BackendBucket.objects.filter(buckets_of(window)).values_list("source", "backend")
    summed = rows.annotate(requests=Sum(_ALL), last=Max("start"))
    return {(source, backend): Calls(requests, 0, 0, last) for source, backend, requests, last in summed if requests}

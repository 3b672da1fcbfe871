"""What AUDIT policies recorded, in pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from meshweb.store.models import AccessRecord, LostAccessRecords
from tests.api.conftest import Api


@pytest.fixture(autouse=True)
def recorded(api: Api) -> None:
    """Five calls, a minute apart, the last one a minute ago."""
    now = timezone.now()
    for minutes in range(5, 0, -1):
        AccessRecord.objects.create(
            at=now - timedelta(minutes=minutes),
            identity="spiffe://cluster.local/ns/shop/sa/web" if minutes % 2 else "",
            source="shop/web" if minutes % 2 else "unknown",
            destination="shop/pay",
            workload="shop/pay-1",
            port=8080,
            method="GET",
            path=f"/{minutes}",
            status=200 if minutes > 1 else 403,
            policy="shop/record" if minutes != 3 else "shop/other",
            rule=1,
            allowed=minutes > 1,
        )
    LostAccessRecords.objects.create(start=now - timedelta(minutes=2), workload="shop/pay-1", records=6)


def _read(api: Api, query: str) -> dict[str, Any]:
    answer = api("GET", f"access-records?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _paths(found: dict[str, Any]) -> list[str]:
    return [item["path"] for item in found["items"]]


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("", ["/1", "/2", "/3", "/4", "/5"]),
        ("source=shop/web", ["/1", "/3", "/5"]),
        ("source=unknown&destination=shop/pay&workload=shop/pay-1", ["/2", "/4"]),
        ("policy=shop/other", ["/3"]),
        ("allowed=false", ["/1"]),
        ("allowed=true&window=150s", ["/2"]),
        ("policy=shop/nobody", []),
    ],
)
def test_filters(api: Api, query: str, paths: list[str]) -> None:
    assert _paths(_read(api, query)) == paths


def test_pages_and_what_was_lost(api: Api) -> None:
    first = _read(api, "limit=2")
    second = _read(api, f"limit=2&cursor={first['next']}")
    third = _read(api, f"limit=2&cursor={second['next']}")
    assert [_paths(page) for page in (first, second, third)] == [["/1", "/2"], ["/3", "/4"], ["/5"]]
    assert (third["next"], first["lost"], _read(api, "window=60s")["lost"]) == (None, 6, 0)


def test_a_record(api: Api) -> None:
    item = _read(api, "allowed=false")["items"][0]
    del item["at"]
    assert item == {
        "source": "shop/web",
        "identity": "spiffe://cluster.local/ns/shop/sa/web",
        "destination": "shop/pay",
        "workload": "shop/pay-1",
        "port": 8080,
        "method": "GET",
        "path": "/1",
        "status": 403,
        "document": "AuthorizationPolicy shop/record",
        "field": "/spec/rules/1",
        "allowed": False,
    }


@pytest.mark.parametrize("query", ["window=8d", "window=x", "allowed=maybe", "limit=0", "cursor=x", "at=yesterday"])
def test_bad_questions(api: Api, query: str) -> None:
    assert api("GET", f"access-records?{query}").status_code == 422

"""Lists cost a fixed number of queries, however long they are."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from meshweb.store.models import Certificate, CertificateJob, JoinToken, JoinTokenUse
from tests import factories as make
from tests.api.conftest import Api


def _joined(name: str, token: JoinToken) -> None:
    now = timezone.now()
    proxy = make.proxy(name)
    for age in (2, 1):
        end = now + timedelta(hours=1)
        Certificate.objects.create(
            serial=f"{name}{age}",
            proxy=proxy,
            spiffe_id="",
            not_before=now,
            not_after=end,
            issued_at=now - timedelta(minutes=age),
        )
    CertificateJob.objects.create(proxy=proxy, csr_hash=uuid4().hex, created_at=now, state="failed", error="no")
    JoinTokenUse.objects.create(token=token, proxy=proxy, at=now)


@pytest.mark.parametrize("path", ["join-tokens", "join-tokens/t", "proxies", "certificates", "mesh"])
def test_the_number_of_queries_does_not_grow(api: Api, path: str) -> None:
    now = timezone.now()
    token = JoinToken.objects.create(id="t", uses=9, uses_left=1, created_at=now, expires_at=now)
    _joined("a", token)
    api("GET", path)
    with CaptureQueriesContext(
        connection,
    ) as few:
        assert api("GET", path).status_code == 200
    for name in "bcdef":
        _joined(name, token)
    with CaptureQueriesContext(connection) as many:
        assert api("GET", path).status_code == 200
    assert len(many) == len(few)


def test_the_newest_certificate_is_the_one_in_use(api: Api) -> None:
    now = timezone.now()
    _joined("a", JoinToken.objects.create(id="t", uses=9, uses_left=1, created_at=now, expires_at=now))
    assert api("GET", "proxies/shop/a").json()["certificate"]["serial"] == "a1"
    assert [c["state"] for c in api("GET", "certificates").json()["items"]] == ["active", "superseded"]
    assert api("GET", "join-tokens/t").json()["redemptions"][0]["error"] == "no"

"""An AuthorizationPolicy's status: before what it stands, and what it denied."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from meshweb.store.models import DenialBucket
from tests import factories as make
from tests.api.conftest import Api
from tests.api.test_access_matrix import policy

Json = dict[str, Any]


def _denied(policy_name: str, requests: int, *, rule: int = 0, dry_run: bool = False, minutes: int = 5) -> None:
    start = timezone.now() - timedelta(minutes=minutes)
    who = {"source": "shop/web", "destination": "shop/pay"}
    DenialBucket.objects.create(start=start, policy=policy_name, rule=rule, dry_run=dry_run, requests=requests, **who)


def _status(api: Api, name: str) -> Json:
    found: Json = api("GET", f"authorizationpolicies/shop/{name}").json()["status"]["enforcement"]
    return found


def test_what_a_policy_stands_before_and_what_it_denied(api: Api) -> None:
    by_target = make.document(
        "AuthorizationPolicy", "by-name", {"targetRefs": [{"kind": "Service", "name": "pay", "group": ""}]}
    )
    documents = [
        make.namespace(),
        make.service("pay"),
        make.service("web"),
        make.entry("pay-1", "10.0.0.1", "pay", app="pay"),
        make.entry("pay-2", "10.0.0.2", "pay", app="pay"),
        make.entry("web-1", "10.0.0.3", "web", app="web"),
        policy("no-admin", "pay", [{"to": [{"operation": {"paths": ["/admin"]}}]}], "DENY"),
        policy("callers", "pay", [{}]),
        policy("nowhere", "gone", [{}]),
        by_target,
    ]
    assert api("POST", "apply", documents).status_code == 200
    _denied("shop/no-admin", 7)
    _denied("shop/no-admin", 3, dry_run=True)
    _denied("", 5, rule=-1)
    _denied("", 2, rule=-1, dry_run=True)
    _denied("shop/no-admin", 90, minutes=90)
    pay = {"window": "3600s", "workloads": 2, "services": ["shop/pay"], "ports": [8080]}
    assert _status(api, "no-admin") == {**pay, "denied": 7, "wouldDeny": 3}
    assert _status(api, "callers") == {**pay, "denied": 5, "wouldDeny": 2}
    assert _status(api, "by-name") == {**pay, "denied": 5, "wouldDeny": 2}
    assert _status(api, "nowhere")["workloads"] == 0
    listed = api("GET", "authorizationpolicies").json()["items"]
    assert all("enforcement" in item["status"] for item in listed)

"""Signing in, and what a session may do: with the CSRF token everything, without it nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from meshweb.controlplane import access
from meshweb.store.models import AuditEntry, Resource
from tests import factories as make


def _client() -> Client:
    return Client(enforce_csrf_checks=True)


def _post(client: Client, path: str, body: Any, **headers: str) -> Any:
    return client.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=headers)


def _signed_in() -> Client:
    client = _client()
    answer = _post(client, "session", {"loginToken": access.create_login_link(access.local_admin())})
    assert answer.status_code == 200, answer.content
    return client


def test_a_session_writes_with_its_csrf_token(mesh: None) -> None:
    client = _signed_in()
    token = client.cookies["csrftoken"].value
    answer = _post(client, "apply", [make.namespace()], **{"X-CSRFToken": token})
    assert answer.status_code == 200, answer.content
    yaml = "apiVersion: v1\nkind: Namespace\nmetadata: {name: other}\n"
    written = client.post("/api/v1/apply", yaml, content_type="application/yaml", headers={"X-CSRFToken": token})
    assert written.status_code == 200, written.content
    assert AuditEntry.objects.filter(actor="admin", origin="console", decision="allowed", verb="apply").count() == 2


@pytest.mark.parametrize("token", ["", "wrong"])
def test_without_the_token_nothing_is_written_and_it_is_in_the_audit(mesh: None, token: str) -> None:
    client = _signed_in()
    answer = _post(client, "apply", [make.namespace()], **({"X-CSRFToken": token} if token else {}))
    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"
    assert not Resource.objects.exists()
    assert AuditEntry.objects.filter(decision="refused", object="/api/v1/apply").exists()


def test_a_link_works_once_and_an_old_one_never(mesh: None) -> None:
    from datetime import timedelta

    user = access.local_admin()
    secret = access.create_login_link(user)
    over = access.create_login_link(user, timedelta(seconds=-1))
    statuses = [_post(_client(), "session", {"loginToken": text}).status_code for text in (secret, secret, over, "nonsense")]
    assert statuses == [200, 401, 401, 401]


def test_a_password_is_checked_set_and_survives_its_change(mesh: None) -> None:
    client = _signed_in()
    token = client.cookies["csrftoken"].value

    def change(password: str) -> int:
        answer = client.put(
            "/api/v1/session/password",
            json.dumps({"password": password}),
            content_type="application/json",
            headers={"X-CSRFToken": client.cookies["csrftoken"].value},
        )
        return answer.status_code

    assert token
    assert (change("short"), change("correct horse battery")) == (422, 204)
    assert client.get("/api/v1/session").status_code == 200, "the session that changed it goes on"
    tries = [{"username": "admin", "password": p} for p in ("wrong", "correct horse battery")]
    assert [_post(_client(), "session", body).status_code for body in tries] == [401, 200]


def test_guesses_are_counted_whatever_the_caller_says_of_its_address(mesh: None) -> None:
    cache.clear()
    guesses = [
        _post(_client(), "session", {"username": "admin", "password": "x"}, **{"X-Forwarded-For": f"10.0.0.{n}"}).status_code
        for n in range(21)
    ]
    cache.clear()
    assert guesses == [401] * 20 + [429]


@pytest.mark.parametrize(
    ("address", "token", "status"), [("127.0.0.1", False, 200), ("192.0.2.7", False, 401), ("192.0.2.7", True, 200)]
)
def test_metrics_are_for_loopback_and_for_tokens(api_with: Any, mesh: None, address: str, token: bool, status: int) -> None:
    from meshweb.controlplane.actor import SYSTEM

    headers = {}
    if token:
        from datetime import timedelta

        headers["Authorization"] = f"Bearer {access.create_api_token(SYSTEM, 'prometheus', ['read'], timedelta(hours=1))[1]}"
    answer = Client().get("/metrics", headers=headers, REMOTE_ADDR=address)
    assert answer.status_code == status
    assert (b"meshweb_proxies" in answer.content) == (status == 200)


@pytest.mark.parametrize("secure", [True, False])
def test_cookies_made_over_https_stay_there(mesh: None, secure: bool) -> None:
    client = Client()
    body = {"loginToken": access.create_login_link(access.local_admin())}
    answer = client.post("/api/v1/session", json.dumps(body), content_type="application/json", secure=secure)
    assert {bool(cookie["secure"]) for cookie in answer.cookies.values()} == {secure}
    assert bool(answer.get("Strict-Transport-Security")) is secure


def test_signing_out_ends_the_session_and_is_in_the_audit(mesh: None) -> None:
    client = _signed_in()
    answer = client.delete("/api/v1/session", headers={"X-CSRFToken": client.cookies["csrftoken"].value})
    assert answer.status_code == 204
    assert client.get("/api/v1/session").status_code == 401
    assert AuditEntry.objects.filter(verb="sign out", actor="admin").count() == 1

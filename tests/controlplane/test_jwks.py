"""Keys that documents name by URL: fetched while they are named, rotated, kept while their source is away, and given up when too old."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from meshweb.controlplane import documents, jwks
from meshweb.controlplane.actor import SYSTEM
from meshweb.controlplane.documents import Wish
from meshweb.core.intent import DocumentKey, KeySet
from meshweb.core.jwks import public_keys
from meshweb.core.mesh import MeshAssembly
from meshweb.kinds.registry import KINDS
from meshweb.store.installation import mesh_settings
from meshweb.store.loaders import IntentMirror
from meshweb.store.models import JwksDocument, MeshState
from tests import factories as make
from tests.jwks_server import KeyServer
from tests.traffic import tokens

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_KEY = DocumentKey("RequestAuthentication", "shop", "users")


@pytest.fixture
def server(transactional_db: None, tmp_path: Path) -> Iterator[KeyServer]:
    MeshState.objects.create(id=1)
    with KeyServer(tmp_path).running() as running:
        yield running


def _write(server: KeyServer) -> None:
    rule = {"issuer": "https://a.example", "jwksUri": server.url()}
    make.apply(make.namespace(), make.document("RequestAuthentication", "users", {"jwtRules": [rule]}))


def _at(server: KeyServer, seconds: float) -> int:
    return jwks.refresh(server.client(), _NOW + timedelta(seconds=seconds))


def _keys(server: KeyServer) -> KeySet:
    return IntentMirror(mesh_settings()).refresh().keys[server.url()]


def _set(*names: str) -> bytes:
    return json.dumps({"keys": [tokens.public_key(name) for name in names]}).encode()


def test_keys_come_and_are_rotated_within_a_minute(server: KeyServer) -> None:
    _write(server)
    mirror = IntentMirror(mesh_settings())
    mirror.refresh()
    server.body = _set("ec")
    assert _at(server, 0) == 1
    assert mirror.refresh().keys == {server.url(): KeySet(public_keys(_set("ec").decode()))}, "a mirror that follows reads it"
    server.body = _set("second")
    assert _at(server, 10) == 0, "not asked again so soon"
    assert _at(server, 50) == 1
    assert _keys(server) == KeySet(public_keys(_set("second").decode()))
    assert _at(server, 100) == 0, "the same keys are no change"
    assert len(server.asked) == 3


def test_keys_that_are_not_usable_are_left_out(server: KeyServer) -> None:
    _write(server)
    server.body = json.dumps({"keys": [{"kty": "oct", "k": "AQ"}, tokens.public_key("ed"), {"kty": "new"}]}).encode()
    _at(server, 0)
    assert _keys(server).keys == public_keys(_set("ed").decode())


def test_the_last_good_keys_serve_until_they_are_too_old(server: KeyServer) -> None:
    _write(server)
    server.body = _set("ec")
    _at(server, 0)
    good = _keys(server)
    server.status, server.body = 503, b"secret"
    assert _at(server, 50) == 1, "it is told that the source is away"
    assert _at(server, 86_000) == 0
    assert _keys(server) == KeySet(good.keys, "it answered 503 instead of 200; redirects are not followed")
    assert _at(server, 86_500) == 1
    assert _keys(server) == KeySet("", "it answered 503 instead of 200; redirects are not followed")
    server.status, server.body = 200, _set("second")
    assert _at(server, 86_520) == 1
    assert _keys(server) == KeySet(public_keys(_set("second").decode()))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"keys":[]}', b"\xff", b'{"keys":[{"kty":"oct","k":"secret"}]}'])
def test_what_is_no_key_set_is_said_without_its_words(server: KeyServer, body: bytes) -> None:
    _write(server)
    server.body = body
    _at(server, 0)
    intent = IntentMirror(mesh_settings()).refresh()
    found = MeshAssembly(intent, KINDS).conditions[_KEY]
    told = {condition.type.value: (condition.status, condition.reason, condition.message) for condition in found}
    status, reason, message = told["ResolvedRefs"]
    assert (status, reason) == ("False", "JwksUnavailable")
    assert "usable public keys" in message
    assert "secret" not in message


def test_what_no_document_names_is_not_fetched(server: KeyServer) -> None:
    _write(server)
    server.body = _set("ec")
    _at(server, 0)
    documents.write(SYSTEM, [Wish(_KEY, None)], verb="delete")
    assert _at(server, 100) == 0
    assert not JwksDocument.objects.exists()
    assert len(server.asked) == 1


def test_the_client_follows_the_settings(settings: Any) -> None:
    settings.ADVERTISE_HOST, settings.LISTEN_HOST = "127.0.0.1", "0.0.0.0"
    settings.OUTBOUND_ALLOWED, settings.OUTBOUND_CA_FILE = (ip_network("10.0.0.0/8"),), "roots.pem"
    client = jwks.installed()
    assert client.own == {ip_address("127.0.0.1"), ip_address("0.0.0.0")}
    assert (client.allowed, client.ca_file) == ((ip_network("10.0.0.0/8"),), "roots.pem")

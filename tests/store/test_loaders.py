"""The mirror of the intent: equal to a fresh reading after every change, in a fixed number of queries."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from meshweb.controlplane import documents
from meshweb.controlplane.actor import SYSTEM
from meshweb.controlplane.documents import Wish
from meshweb.core.intent import DocumentKey, Intent, Unreadable
from meshweb.core.ir.security import PolicyAction, PolicyRule
from meshweb.core.mesh import build_mesh
from meshweb.kinds.registry import KINDS
from meshweb.store.installation import mesh_settings
from meshweb.store.loaders import IntentMirror
from meshweb.store.models import MeshState, Resource
from tests import factories as make


@pytest.fixture
def mesh(transactional_db: None) -> None:
    MeshState.objects.create(id=1)


def _same(one: Intent, other: Intent) -> bool:
    fields = ("revision", "documents", "proxies", "local_addresses", "unhealthy", "settings", "keys")
    return all(getattr(one, name) == getattr(other, name) for name in fields)


def test_the_mirror_follows_every_change(mesh: None) -> None:
    mirror = IntentMirror(mesh_settings())

    def check(what: str) -> None:
        assert _same(mirror.refresh(), IntentMirror(mesh_settings()).refresh()), what

    check("nothing")
    make.apply(make.namespace(), make.service("a"), make.service("b"), make.route("a", {"b": 1}))
    check("created")
    make.apply(make.service("a", port=9090))
    check("updated")
    documents.write(SYSTEM, [Wish(DocumentKey("Service", "shop", "b"), None)], verb="delete")
    check("deleted")
    make.apply(make.service("b"))
    check("made again")
    proxy = make.proxy("w")
    MeshState.objects.update(compile_epoch=1)
    check("a proxy joined")
    proxy.health_state = "unhealthy"
    proxy.save()
    MeshState.objects.update(compile_epoch=2)
    check("unhealthy")
    assert mirror.refresh().unhealthy == {"shop/w"}


@pytest.mark.parametrize("services", [2, 40])
def test_queries_do_not_grow_with_documents(mesh: None, services: int) -> None:
    make.apply(*(make.service(f"s{i}") for i in range(services)))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        IntentMirror(mesh_settings()).refresh()
    assert len([q for q in queries if q["sql"].startswith("SELECT")]) == 5


def test_local_addresses_stay_when_a_service_goes(mesh: None) -> None:
    mirror = IntentMirror(mesh_settings())
    make.apply(make.service("a"), make.service("b"))
    before = dict(mirror.refresh().local_addresses)
    documents.write(SYSTEM, [Wish(DocumentKey("Service", "shop", "a"), None)], verb="delete")
    make.apply(make.service("c"), make.service("a"))
    after = mirror.refresh().local_addresses
    assert {place: after[place] for place in before} == before
    assert len(set(after.values())) >= 3


UNREADABLE: list[tuple[dict[str, Any], str]] = [
    (make.document("AuthorizationPolicy", "p", {"action": "ALLOW", "rules": [{}]}), "deny"),
    (make.route("a", {"a": 1}), "nothing"),
]


@pytest.mark.parametrize(("raw", "closes"), UNREADABLE, ids=["policy", "route"])
def test_a_document_that_cannot_be_read_any_more_fails_closed(mesh: None, raw: dict[str, Any], closes: str) -> None:
    make.apply(make.service("a"), make.entry("a-1", "127.0.0.5", app="a"), raw)
    Resource.objects.filter(kind=raw["kind"]).update(spec={"field": "of another version"})
    MeshState.objects.update(revision=2)
    Resource.objects.filter(kind=raw["kind"]).update(revision=2)
    intent = IntentMirror(mesh_settings()).refresh()
    key = DocumentKey(raw["kind"], "shop", raw["metadata"]["name"])
    assert isinstance(intent.documents[key].spec, Unreadable)
    built = build_mesh(intent, KINDS)
    condition = built.conditions[key][0]
    assert (condition.status, condition.reason) == ("False", "Invalid")
    policies = built.policies_of(built.workloads["shop", "a-1"], 8080)
    assert [(p.action, p.rules) for p in policies] == ([(PolicyAction.DENY, (PolicyRule(),))] if closes == "deny" else [])

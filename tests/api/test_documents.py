"""CRUD, versions, apply, paging and labels."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from meshweb.store.models import AuditEntry, Reference, Resource, ResourceVersion, Revision
from tests import factories as make
from tests.api.conftest import Api

MERGE = "application/merge-patch+json"


def test_life_of_a_document(api: Api) -> None:
    created = api("POST", "services", make.service("web"))
    assert (created.status_code, created["ETag"], created["Location"]) == (201, '"1"', "/api/v1/services/shop/web")
    assert created["Meshweb-Revision"] == "1"
    assert created.json()["metadata"]["generation"] == 1

    labelled = api("PATCH", "services/shop/web", {"metadata": {"labels": {"team": "shop"}}}, MERGE, If_Match='"1"')
    assert (labelled.status_code, labelled["ETag"]) == (200, '"2"')
    assert labelled.json()["metadata"]["generation"] == 1, "labels are not part of the spec"

    replaced = api("PUT", "services/shop/web", make.service("web", port=9090), If_Match='"2"')
    assert replaced.json()["metadata"]["generation"] == 2
    assert replaced.json()["metadata"]["labels"] == {}

    unchanged = api("PUT", "services/shop/web", make.service("web", port=9090), If_Match="*")
    assert (unchanged.status_code, unchanged["ETag"]) == (200, '"3"')

    assert api("DELETE", "services/shop/web", If_Match='"3"').status_code == 204
    assert api("GET", "services/shop/web").status_code == 404
    assert [v.action for v in ResourceVersion.objects.all()] == ["created", "updated", "updated", "deleted"]
    assert Revision.objects.count() == 4
    assert AuditEntry.objects.filter(decision="allowed", revision__isnull=False).count() == 4
    audit = api("GET", "audit?limit=2").json()
    assert [(e["verb"], e["object"], e["decision"], e["revision"]) for e in audit["items"]] == [
        ("delete", "Service shop/web", "allowed", 4),
        ("replace", "Service shop/web", "allowed", 3),
    ]


def test_a_deletion_can_be_looked_at_before_it_is_made(api: Api) -> None:
    api("POST", "apply", [make.namespace(), make.service("web")])
    seen = api("DELETE", "services/shop/web?dryRun=true", If_Match="*")
    assert (seen.status_code, seen.json()["dryRun"], seen.json()["revision"]) == (200, True, None)
    assert [(item["action"], item["name"], item["after"]) for item in seen.json()["results"]] == [("deleted", "web", "")]
    assert api("DELETE", "services/shop/web?dryRun=true", If_Match='"77"').status_code == 412
    assert api("GET", "services/shop/web").status_code == 200
    assert api("DELETE", "services/shop/web?reason=not+used", If_Match="*").status_code == 204
    assert api("GET", "revisions?limit=1").json()["items"][0]["reason"] == "not used"


REFUSALS: list[tuple[str, str, dict[str, str], int]] = [
    ("PUT", "services/shop/web", {}, 428),
    ("PATCH", "services/shop/web", {}, 428),
    ("DELETE", "services/shop/web", {}, 428),
    ("PUT", "services/shop/web", {"If_Match": '"77"'}, 412),
    ("PATCH", "services/shop/web", {"If_Match": '"77"'}, 412),
    ("DELETE", "services/shop/web", {"If_Match": '"77"'}, 412),
    ("PUT", "services/shop/web", {"If_None_Match": "*"}, 412),
    ("PUT", "services/shop/other", {"If_Match": "*"}, 422),
    ("DELETE", "services/shop/other", {"If_Match": "*"}, 404),
    ("DELETE", "namespaces/shop", {"If_Match": "*"}, 409),
    ("POST", "services", {}, 409),
    ("POST", "httproutes", {}, 422),
    ("DELETE", "services", {}, 405),
    ("GET", "sandwiches", {}, 404),
]


@pytest.mark.parametrize(("method", "path", "headers", "status"), REFUSALS)
def test_refusals_change_nothing(api: Api, method: str, path: str, headers: dict[str, str], status: int) -> None:
    make.apply(make.namespace(), make.service("web"))
    body: Any = make.service("web", port=9999) if method in ("PUT", "POST", "PATCH") else None
    before = list(Resource.objects.values_list("kind", "name", "revision"))
    answer = api(method, path, body, MERGE if method == "PATCH" else "application/json", **headers)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert list(Resource.objects.values_list("kind", "name", "revision")) == before


def test_one_of_several_versions_is_enough(api: Api) -> None:
    revision = make.apply(make.service("web")).revision
    assert api("DELETE", "services/shop/web", If_Match='"77", "78"').status_code == 412
    assert api("DELETE", "services/shop/web", If_Match=f'"77", "{revision}"').status_code == 204


def test_a_list_in_json_is_its_items(api: Api) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": [make.namespace(), make.service("web")]}
    assert api("POST", "apply", items).json()["results"][1]["name"] == "web"


@pytest.mark.parametrize(
    ("label", "names"),
    [("v!=1,v!=2", ["c", "d"]), ("v=1,v=2", []), ("v=1,t=x", ["a"]), ("v!=1,t=x", ["b"])],
)
def test_all_labels_must_hold(api: Api, label: str, names: list[str]) -> None:
    for name, labels in (("a", {"v": "1", "t": "x"}), ("b", {"v": "2", "t": "x"}), ("c", {"v": "3"}), ("d", {})):
        make.apply(make.document("Namespace", name, labels=labels))
    found = api("GET", f"namespaces?label={label}").json()["items"]
    assert [item["metadata"]["name"] for item in found] == names


def test_put_creates_with_if_none_match(api: Api) -> None:
    answer = api("PUT", "services/shop/web", make.service("web"), If_None_Match="*")
    assert answer.status_code == 201


def test_a_version_in_the_document_is_held_to(api: Api) -> None:
    make.apply(make.service("web"))
    stale = make.document("Service", "web", {"ports": [{"port": 1}]}, resourceVersion="99")
    assert api("POST", "apply", [stale]).status_code == 409


def test_apply_is_all_or_nothing_and_idempotent(api: Api) -> None:
    documents = [make.namespace(), make.service("web"), make.route("web", {"web": 1})]
    first = api("POST", "apply?reason=first", documents).json()
    assert first["revision"] == 1
    assert [r["action"] for r in first["results"]] == ["created"] * 3
    again = api("POST", "apply", documents).json()
    assert again["revision"] is None
    assert [r["action"] for r in again["results"]] == ["unchanged"] * 3
    assert Revision.objects.get().reason == "first"
    assert Reference.objects.filter(kind="Service", name="web").count() == 2


def test_dry_run_shows_the_difference_and_changes_nothing(api: Api) -> None:
    make.apply(make.namespace(), make.service("web"), make.service("a"), make.service("b"), make.route("web", {"a": 9, "b": 1}))
    make.apply(make.entry("web-1", "127.0.0.9", app="web"))
    make.proxy("web-1", config_class="x", stream="s")
    answer = api("POST", "apply?dryRun=true", [make.route("web", {"a": 5, "b": 5})]).json()
    assert answer["dryRun"] is True
    assert answer["revision"] is None
    changes = {d["path"]: (d["before"], d["after"]) for d in answer["results"][0]["diff"]}
    assert changes == {
        "/spec/rules/0/backendRefs/0/weight": (9, 5),
        "/spec/rules/0/backendRefs/1/weight": (1, 5),
    }
    assert answer["results"][0]["before"].count("weight: 9") == 1
    assert answer["impact"]["proxies"] == [{"id": "shop/web-1", "changes": ["Routes"], "connected": True}]
    assert Resource.objects.get(kind="HTTPRoute").spec["rules"][0]["backendRefs"][0]["weight"] == 9


def test_an_order_of_keys_is_no_difference(api: Api) -> None:
    """The database keeps no order; a diff of texts must not show one."""
    make.apply(make.service("web"))
    spec = dict(reversed(list(make.service("web", port=9090)["spec"].items())))
    answer = api("POST", "apply?dryRun=true", [make.document("Service", "web", spec)]).json()["results"][0]
    before, after = answer["before"].splitlines(), answer["after"].splitlines()
    assert [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]] == [("    port: 8080", "    port: 9090")]


def test_a_port_may_be_a_key_of_a_mapping(api: Api) -> None:
    """As Istio's documents have it, and as JSON cannot: there it is text."""
    text = """
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: finance, namespace: shop}
spec:
  selector: {matchLabels: {app: finance}}
  portLevelMtls:
    8080: {mode: DISABLE}
"""
    assert api("POST", "apply", text, "application/yaml").status_code == 200
    assert api("GET", "peerauthentications/shop/finance").json()["spec"]["portLevelMtls"] == {"8080": {"mode": "DISABLE"}}


def test_yaml_of_several_documents_and_lists(api: Api) -> None:
    text = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: a}}
- {apiVersion: v1, kind: Namespace, metadata: {name: b}}
---
# a comment and an empty document

---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: HTTPRoute
metadata: {name: r, namespace: a}
spec: {parentRefs: [{group: "", kind: Service, name: s}], rules: [{}]}
"""
    answer = api("POST", "apply", text, "application/yaml")
    assert answer.status_code == 200, answer.content
    assert [r["name"] for r in answer.json()["results"]] == ["a", "b", "r"]
    stored = api("GET", "httproutes/a/r").json()
    assert stored["apiVersion"] == "gateway.networking.k8s.io/v1", "older versions are stored as v1"


def test_pages_and_labels(api: Api) -> None:
    names = [f"s{i}" for i in range(7)]
    make.apply(
        *[
            make.document("Service", n, {"ports": [{"port": 1}]}, labels={"tier": "odd" if i % 2 else "even"})
            for i, n in enumerate(names)
        ]
    )
    found, cursor = [], ""
    while True:
        page = api("GET", f"services?limit=3&cursor={cursor}").json()
        found += [item["metadata"]["name"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert found == names
    odd = api("GET", "services?label=tier=odd").json()["items"]
    assert [item["metadata"]["name"] for item in odd] == ["s1", "s3", "s5"]
    assert len(api("GET", "services?label=tier!=odd").json()["items"]) == 4
    assert api("GET", "services?namespace=elsewhere").json()["items"] == []


def test_rollback_restores_what_a_revision_changed(api: Api) -> None:
    make.apply(make.namespace(), make.service("web"), make.service("a"), make.route("web", {"a": 1}))
    make.apply(make.route("web", {"a": 7}), make.service("new"))
    preview = api("POST", "revisions/2/rollback?dryRun=true").json()
    assert {(r["kind"], r["name"], r["action"]) for r in preview["results"]} == {
        ("HTTPRoute", "web", "updated"),
        ("Service", "new", "deleted"),
    }
    done = api("POST", "revisions/2/rollback").json()
    assert done["revision"] == 3
    assert Resource.objects.get(kind="HTTPRoute").spec["rules"][0]["backendRefs"][0]["weight"] == 1
    assert not Resource.objects.filter(name="new").exists()
    diff = api("GET", "revisions/3/diff").json()["items"]
    assert {(d["name"], d["action"]) for d in diff} == {("web", "updated"), ("new", "deleted")}


SCOPES: list[tuple[tuple[str, ...], str, str, int]] = [
    (("read",), "GET", "services", 200),
    (("read",), "POST", "apply", 403),
    (("read",), "POST", "join-tokens", 403),
    (("read", "write"), "POST", "apply", 200),
    (("read", "write"), "POST", "api-tokens", 403),
    (("read", "write"), "GET", "api-tokens", 403),
    (("write",), "GET", "services", 403),
]


@pytest.mark.parametrize(("scopes", "method", "path", "status"), SCOPES)
def test_scopes(api_with: Callable[..., Api], scopes: tuple[str, ...], method: str, path: str, status: int) -> None:
    body = [make.namespace()] if method == "POST" else None
    answer = api_with(*scopes)(method, path, body)
    assert answer.status_code == status, answer.content
    refusals = AuditEntry.objects.filter(decision="refused").count()
    assert refusals == (1 if status == 403 and method == "POST" else 0)


def test_tokens_end_and_are_revoked(api: Api, api_with: Callable[..., Api]) -> None:
    from meshweb.store.models import ApiToken

    over = api_with("read", ttl=timedelta(microseconds=1))
    assert over("GET", "services").status_code == 401
    created = api("POST", "api-tokens", {"name": "ci", "scopes": ["read"], "ttl": "1h"}).json()
    assert created["token"].startswith("mwt_")
    machine = Api(created["token"])
    assert machine("GET", "services").status_code == 200
    assert api("DELETE", f"api-tokens/{created['id']}").status_code == 204
    assert machine("GET", "services").status_code == 401
    assert created["token"].partition(".")[2] not in str(ApiToken.objects.values()), "only a hash is stored"
    assert Api("mwt_nonsense")("GET", "services").status_code == 401


def test_nobody_gets_nothing(mesh: None) -> None:
    from django.test import Client

    client = Client()
    for path in ("services", "proxies", "topology", "mesh", "audit", "revisions", "join-tokens", "certificates"):
        answer = client.get(f"/api/v1/{path}")
        assert answer.status_code == 401, path
        assert answer["WWW-Authenticate"] == "Bearer"

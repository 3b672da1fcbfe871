"""Secrets go in and are never said again: not by the API, not in the database, not in a log."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.db import connection

from meshweb.controlplane.publish import Publisher
from meshweb.core.snapshot import TypeUrl
from meshweb.identity.sealing import KeyRing, SecretBytes
from meshweb.kinds.parse import parse_document
from meshweb.store import sealing
from meshweb.store.loaders import document_of
from meshweb.store.models import ConfigBlob, ConfigClass, Proxy, Reference, Resource, ResourceVersion
from tests import certificates, factories as make
from tests.api.conftest import Api

MERGE = "application/merge-patch+json"
Json = dict[str, Any]


def secret(pair: certificates.Pair, name: str = "shop-tls", **more: Any) -> Json:
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls", "data": pair.data, **more}


def in_plain(pair: certificates.Pair, **more: str) -> Json:
    found = secret(pair)
    del found["data"]
    return {**found, "stringData": {"tls.crt": pair.certificate, "tls.key": pair.key, **more}}


def material(name: str = "shop-tls") -> Json:
    document = document_of(Resource.objects.get(kind="Secret", name=name))
    assert document is not None
    pem: Json = document.spec.pem()  # type: ignore[attr-defined]  # SecretSpec
    return pem


@pytest.fixture(scope="module")
def old() -> certificates.Pair:
    return certificates.server("shop.example.com", "*.shop.example.com")


@pytest.fixture(scope="module")
def new() -> certificates.Pair:
    return certificates.server("shop.example.com")


def test_what_kubectl_writes_is_taken_and_read_back_sealed(api: Api, old: certificates.Pair) -> None:
    text = yaml.safe_dump({**secret(old), "metadata": {"name": "shop-tls", "namespace": "shop", "creationTimestamp": None}})
    applied = api("POST", "apply", text, "application/yaml")
    assert applied.status_code == 200, applied.content
    assert "spec" not in applied.json()["results"][0]["after"]
    found = api("GET", "secrets/shop/shop-tls").json()
    assert (found["type"], found["data"]) == ("kubernetes.io/tls", {"tls.crt": "(sealed)", "tls.key": "(sealed)"})
    assert "spec" not in found
    assert material() == {"tls.crt": old.certificate, "tls.key": old.key}


def test_the_same_again_changes_nothing_and_another_value_says_so(
    api: Api, old: certificates.Pair, new: certificates.Pair
) -> None:
    api("POST", "apply", [secret(old)])
    again = api("POST", "apply", [secret(old)]).json()
    assert (again["revision"], again["results"][0]["action"]) == (None, "unchanged")
    changed = api("POST", "apply?dryRun=true", [secret(new)]).json()["results"][0]
    assert changed["action"] == "updated"
    assert [(d["path"], d["before"], d["after"]) for d in changed["diff"]] == [
        ("/data/tls.crt", "(sealed)", "(sealed, changed)"),
        ("/data/tls.key", "(sealed)", "(sealed, changed)"),
    ]
    generation = api("PUT", "secrets/shop/shop-tls", secret(new), If_Match="*").json()["metadata"]["generation"]
    assert generation == 2
    assert "(sealed, changed)" in api("GET", "revisions/2/diff").json()["items"][0]["after"]


@pytest.mark.parametrize("values", ["(sealed)", "(sealed, changed)"])
@pytest.mark.parametrize("holder", ["data", "stringData"])
def test_what_is_shown_is_never_taken_for_the_value(api: Api, old: certificates.Pair, values: str, holder: str) -> None:
    api("POST", "apply", [secret(old)])
    shown = api("GET", "secrets/shop/shop-tls").json()
    del shown["data"]
    shown[holder] = {"tls.crt": values, "tls.key": values}
    for answer in (
        api("PUT", "secrets/shop/shop-tls", shown, If_Match="*"),
        api("POST", "apply", [shown]),
        api("PATCH", "secrets/shop/shop-tls", {"data": None, holder: shown[holder]}, MERGE, If_Match="*"),
    ):
        assert answer.status_code == 422, answer.content
        errors = answer.json()["errors"]
        assert [(e["pointer"], e["code"]) for e in errors] == [
            (f"/{holder}/tls.crt", "sealed"),
            (f"/{holder}/tls.key", "sealed"),
        ]
    assert material()["tls.key"] == old.key


@pytest.mark.parametrize("annotation", ["kubectl.kubernetes.io/last-applied-configuration", "note"])
def test_an_annotation_does_not_repeat_a_value(api: Api, old: certificates.Pair, annotation: str) -> None:
    """kubectl writes the whole document into an annotation, values and all."""
    raw = secret(old)
    raw["metadata"]["annotations"] = {annotation: json.dumps(secret(old)), "harmless": "text"}
    answer = api("POST", "apply", [raw])
    assert answer.status_code == 422
    place = annotation.replace("/", "~1")
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(f"/metadata/annotations/{place}", "sealed")]
    assert not says(answer.content.decode(), needles(old))


def test_labels_change_without_the_values(api: Api, old: certificates.Pair, new: certificates.Pair) -> None:
    api("POST", "apply", [secret(old)])
    patched = api("PATCH", "secrets/shop/shop-tls", {"metadata": {"labels": {"team": "shop"}}}, MERGE, If_Match="*")
    assert patched.status_code == 200, patched.content
    assert patched.json()["metadata"]["generation"] == 1
    assert material()["tls.key"] == old.key
    assert api("PATCH", "secrets/shop/shop-tls", {"data": new.data}, MERGE, If_Match="*").status_code == 200
    assert material()["tls.key"] == new.key


def test_roll_back_to_older_values(api: Api, old: certificates.Pair, new: certificates.Pair) -> None:
    api("POST", "apply", [secret(old)])
    api("POST", "apply", [secret(new)])
    assert material()["tls.key"] == new.key
    rolled = api("POST", "revisions/2/rollback")
    assert rolled.status_code == 200, rolled.content
    assert material()["tls.key"] == old.key
    assert api("DELETE", "secrets/shop/shop-tls", If_Match="*").status_code == 204
    assert api("POST", "revisions/4/rollback").status_code == 200
    assert material() == {"tls.crt": old.certificate, "tls.key": old.key}


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"spec": {}}, "/spec", "unknown_field"),
        ({"data": {"tls.key": "aGVsbG8="}, "type": "Opaque"}, "/data/tls.crt", "required"),
        ({"data": None}, "", "one_of"),
        ({"type": "bootstrap.kubernetes.io/token"}, "/type", "literal_error"),
        ({"data": {"password": "aHVudGVyMg=="}}, "/data/password", "unknown_field"),
    ],
)
def test_violations_point_into_the_document(api: Api, old: certificates.Pair, change: Json, pointer: str, code: str) -> None:
    answer = api("POST", "apply", [{**secret(old), **change}])
    assert answer.status_code == 422
    assert (pointer, code) in [(e["pointer"], e["code"]) for e in answer.json()["errors"]]
    assert "aHVudGVyMg" not in answer.content.decode()


def test_certificates_are_told_and_a_value_of_another_place_is_not_opened(
    api: Api, old: certificates.Pair, new: certificates.Pair
) -> None:
    api("POST", "apply", [secret(old), secret(new, "other")])
    Publisher().run()
    (accepted, _) = api("GET", "secrets/shop/shop-tls").json()["status"]["conditions"]
    assert accepted["message"].startswith("tls.crt: shop.example.com *.shop.example.com until 20")
    assert "SHA-256" in accepted["message"]
    moved = Resource.objects.get(kind="Secret", name="other")
    moved.spec = Resource.objects.get(kind="Secret", name="shop-tls").spec
    moved.revision += 1
    moved.save()
    assert "changed, belongs somewhere else" in str(document_of(moved))


def test_who_uses_a_secret_is_in_the_index(api: Api, old: certificates.Pair) -> None:
    listener = {"name": "https", "port": 8443, "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "shop-tls"}]}}
    gateway = make.document("Gateway", "public", {"gatewayClassName": "meshweb", "listeners": [listener]})
    assert api("POST", "apply", [secret(old), gateway]).status_code == 200
    found = Reference.objects.get(kind="Secret", namespace="shop", name="shop-tls")
    assert (found.source.kind, found.pointer) == ("Gateway", "/spec/listeners/0/tls/certificateRefs/0")


# --- nothing anywhere -------------------------------------------------------------------------------------------------


def needles(*pairs: certificates.Pair) -> set[str]:
    """Pieces of the values in every form that they could have: PEM, base64 of it, and both in hexadecimal."""
    found = set()
    for text in (text for pair in pairs for text in (pair.certificate, pair.key)):
        middle = text.splitlines()[2]
        coded = base64.b64encode(text.encode()).decode()
        raw = base64.b64decode("".join(text.splitlines()[1:-1]))
        found |= {middle, middle[8:40], coded[96:160], raw[40:60].hex(), middle.encode().hex(), coded[96:160].encode().hex()}
    return found


def says(text: str, wanted: set[str]) -> set[str]:
    return {needle for needle in wanted if needle in text}


def everything_in_the_database() -> Iterator[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            yield table, "\n".join(row[0] for row in cursor.fetchall())


def every_get(api: Api) -> Iterator[tuple[str, str]]:
    """Every address of the OpenAPI document that can be read, with whatever its parameters can be here."""
    paths = api("GET", "openapi.json").json()["paths"]
    numbers = [item["number"] for item in api("GET", "revisions?limit=100").json()["items"]]
    for path, operations in paths.items():
        if "get" not in operations:
            continue
        place = path.removeprefix("/api/v1/").replace("{namespace}", "shop")
        names = ("edge-1",) if "proxies" in place else ("shop-tls", "public", "shop")
        for name in names if "{name}" in place else ("",):
            for number in numbers if "{number}" in place else (0,):
                address = place.replace("{name}", name).replace("{number}", str(number))
                yield address, api("GET", address).content.decode() if "{" not in address else ""


def test_no_value_is_anywhere(
    api: Api, old: certificates.Pair, new: certificates.Pair, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    wanted = needles(old, new)
    listener = {"name": "https", "port": 8443, "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "shop-tls"}]}}
    gateway = make.document("Gateway", "public", {"gatewayClassName": "meshweb", "listeners": [listener]})
    labels = {"gateway.networking.k8s.io/gateway-name": "public"}
    answers = [
        api("POST", "apply", [make.namespace(), gateway, make.entry("edge-1", "127.10.0.9", "edge", 8080, **labels)]),
        api("POST", "secrets", secret(old)),
        api("POST", "secrets", secret(old)),
        api("POST", "apply?dryRun=true", [secret(new)]),
        api("PUT", "secrets/shop/shop-tls", in_plain(new, **{"ca.crt": old.certificate}), If_Match="*"),
        api(
            "PUT",
            "secrets/shop/shop-tls",
            {**in_plain(new), "stringData": {"tls.crt": old.certificate, "tls.key": new.key}},
            If_Match="*",
        ),
        api("POST", "apply", [{**secret(old), "data": {"tls.key": old.key}}]),
        api("POST", "apply", yaml.safe_dump(in_plain(old)).replace("stringData:", "stringData: x: y"), "application/yaml"),
        api("POST", "apply", yaml.safe_dump(in_plain(old)).replace("tls.crt", "tls.key"), "application/yaml"),
        api("POST", "apply", json.dumps(in_plain(old))[:-3]),
        api("PATCH", "secrets/shop/shop-tls", {"metadata": {"labels": {"a": "b"}}}, MERGE, If_Match="*"),
    ]
    make.proxy("edge-1", workload_group="edge", gateway="public", connected_at=None)
    publisher = Publisher()
    publisher.run()
    answers += [api("POST", "revisions/3/rollback?dryRun=true"), api("POST", "revisions/3/rollback")]
    assert {answer.status_code for answer in answers} == {200, 201, 400, 409, 422}, [a.status_code for a in answers]
    publisher.run()
    (proxy,) = Proxy.objects.all()
    sections = ConfigClass.objects.get(key=proxy.config_class).sections[TypeUrl.SECRET.value]
    assert len(sections) == 1, "the snapshot holds a secret"
    assert ConfigBlob.objects.filter(sealed=True).exists()
    assert Resource.objects.filter(kind="Secret").count() == 1
    assert ResourceVersion.objects.filter(kind="Secret").count() > 2
    for answer in answers:
        assert not says(answer.content.decode(), wanted), answer.request
    read = dict(every_get(api))
    assert len(read) > 40
    for address, text in read.items():
        assert not says(text, wanted), address
    for table, text in everything_in_the_database():
        assert not says(text, wanted), table
    assert not says(caplog.text, wanted)
    assert not says(repr(parse_document(in_plain(old))) + repr(document_of(Resource.objects.get(kind="Secret"))), wanted)


def test_the_needles_are_found_where_they_are(old: certificates.Pair) -> None:
    """Else the test above proves nothing."""
    wanted = needles(old)
    assert says(old.key, wanted)
    assert says(json.dumps(secret(old)), wanted)
    assert says(old.der.hex(), wanted)
    assert says(old.certificate.encode().hex(), wanted)


def test_a_lost_key_opens_nothing(api: Api, old: certificates.Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    api("POST", "apply", [secret(old)])
    ring = KeyRing("k1", {"k1": SecretBytes(bytes(32))})
    monkeypatch.setattr(sealing, "key_ring", lambda: ring)
    assert "Unreadable" in str(document_of(Resource.objects.get(kind="Secret")))

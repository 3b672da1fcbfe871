"""Bad input of every sort: a 4xx with code and pointer, an audit row, and nothing changed."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from django.core.asgi import get_asgi_application
from django.test import Client

from meshweb.api.bodies import bounded
from meshweb.store.models import AuditEntry, MeshState, Resource
from tests import factories as make
from tests.api.conftest import Api

Json = dict[str, Any]
_BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(8)
)


def _service(**changes: Any) -> Json:
    return {**make.service("web"), **changes}


def _port(number: Any) -> Json:
    return make.document("Service", "web", {"ports": [{"port": number}]})


def _rule(**rule: Any) -> Json:
    return make.document("HTTPRoute", "web", {"parentRefs": [{"group": "", "kind": "Service", "name": "web"}], "rules": [rule]})


def _policy(**spec: Any) -> Json:
    return make.document("AuthorizationPolicy", "p", spec)


DOCUMENTS: list[tuple[str, Any, str, str]] = [
    ("unknown field", make.document("Service", "web", {"ports": [{"port": 80}], "selctor": {}}), "/spec/selctor", "unknown_field"),
    ("unknown field in metadata", make.document("Namespace", "n", owner="me"), "/metadata/owner", "unknown_field"),
    ("unknown top field", _service(extra=1), "/extra", "unknown_field"),
    ("unknown kind", _service(kind="Servise"), "/kind", "unknown_kind"),
    ("unknown version", _service(apiVersion="v7"), "/apiVersion", "unknown_version"),
    ("no kind", {"apiVersion": "v1"}, "/kind", "required"),
    ("not a mapping", 5, "", "type"),
    ("no metadata", {"apiVersion": "v1", "kind": "Service", "spec": {}}, "/metadata", "required"),
    ("name is no DNS label", make.document("Namespace", "Not_A_Label"), "/metadata/name", "dns_label"),
    ("name too long", make.document("Namespace", "a" * 64), "/metadata/name", "dns_label"),
    ("namespace on a mesh-wide kind", make.document("Namespace", "n", namespace="x") | {"metadata": {"name": "n", "namespace": "x"}},
     "/metadata/namespace", "not_namespaced"),
    ("port 70000", _port(70000), "/spec/ports/0/port", "less_than_equal"),
    ("port 0", _port(0), "/spec/ports/0/port", "greater_than_equal"),
    ("port as text", _port("80"), "/spec/ports/0/port", "int_type"),
    ("port true", _port(True), "/spec/ports/0/port", "int_type"),
    ("no ports", make.document("Service", "web", {"ports": []}), "/spec/ports", "too_short"),
    ("UDP", make.document("Service", "web", {"ports": [{"port": 53, "protocol": "UDP"}]}), "/spec/ports/0/protocol", "literal_error"),
    ("weight negative", make.route("web", {"web": -1}), "/spec/rules/0/backendRefs/0/weight", "greater_than_equal"),
    ("weight too large", make.route("web", {"web": 1_000_001}), "/spec/rules/0/backendRefs/0/weight", "less_than_equal"),
    ("regex that RE2 refuses", _rule(matches=[{"path": {"type": "RegularExpression", "value": "/a(?=b)"}}]),
     "/spec/rules/0/matches/0/path/value", "regex"),
    ("regex too complex", _rule(matches=[{"path": {"type": "RegularExpression", "value": "/(a{100}){100}"}}]),
     "/spec/rules/0/matches/0/path/value", "regex"),
    ("timeout without unit", _rule(timeouts={"request": "10"}), "/spec/rules/0/timeouts/request", "value_error"),
    ("filter not supported", _rule(filters=[{"type": "ExtensionRef"}]), "/spec/rules/0/filters/0/type", "literal_error"),
    ("policy action of a later release", _policy(action="LOG"), "/spec/action", "enum"),
    ("policy condition of a later release", _policy(rules=[{"when": [{"key": "experimental.envoy.filters.a[b]", "values": ["10.0.0.1"]}]}]),
     "/spec/rules/0/when/0/key", "unknown_key"),
    ("principal with a scheme", _policy(rules=[{"from": [{"source": {"principals": ["spiffe://cluster.local/ns/a/sa/b"]}}]}]),
     "/spec/rules/0/from/0/source/principals/0", "value_error"),
    *((f"policy path {path}", _policy(action="DENY", rules=[{"to": [{"operation": {"paths": ["/ok", path]}}]}]),
       "/spec/rules/0/to/0/operation/paths/1", "value_error")
      for path in ("/a//b", "/a/../b", "/a/./b", "/a/..", "/%61dmin", "/a%2fb", "/a\\b", "/caf\u00e9", "/a b", "/a?b", "/a*b")),
    ("workload address is a name", make.entry("w", "db.example.com"), "/spec/address", "ip_address"),
    ("a second MeshConfig", make.document("MeshConfig", "other"), "/metadata/name", "singleton"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "pointer", "code"), [row[1:] for row in DOCUMENTS], ids=[row[0] for row in DOCUMENTS])
def test_documents(api: Api, raw: Any, pointer: str, code: str) -> None:
    answer = api("POST", "apply", [make.namespace(), raw])
    assert answer.status_code == 422, answer.content
    problem = answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    found = [(e["document"], e["pointer"], e["code"]) for e in problem["errors"]]
    assert (1, pointer, code) in found, found
    assert Resource.objects.count() == 0
    assert MeshState.objects.get().revision == 0
    assert AuditEntry.objects.filter(decision="refused").count() == 1


BODIES: list[tuple[str, bytes, str, int, str]] = [
    ("not JSON", b"{", "application/json", 400, "malformed_json"),
    ("NaN", b'{"a": NaN}', "application/json", 400, "malformed_json"),
    ("duplicate key in JSON", b'{"kind": "A", "kind": "B"}', "application/json", 400, "duplicate_key"),
    ("duplicate key in YAML", b"kind: A\nkind: B\n", "application/yaml", 400, "malformed_yaml"),
    ("not YAML", b"a: [", "application/yaml", 400, "malformed_yaml"),
    ("YAML bomb", _BOMB.encode(), "application/yaml", 400, "too_large"),
    ("YAML that contains itself", b"a: &a [*a]\n", "application/yaml", 400, "too_deep"),
    ("YAML with a tag of Python", b"a: !!python/object/apply:os.system [id]\n", "application/yaml", 400, "malformed_yaml"),
    ("not UTF-8", b"a: \xff\xfe", "application/yaml", 400, "malformed_yaml"),
    ("deep JSON", b"[" * 5000 + b"]" * 5000, "application/json", 400, "too_deep"),
    ("2 MB", b'{"a": "' + b"x" * 2_000_000 + b'"}', "application/json", 413, "too_large"),
    ("another media type", b"<a/>", "application/xml", 415, "media_type"),
    ("NUL in JSON", b'{"a": ["x", {"b\\u0000": 1}]}', "application/json", 400, "malformed_text"),
    ("half a surrogate pair", b'["\\ud800"]', "application/json", 400, "malformed_text"),
    ("NUL in YAML", b'a: "\\0"\n', "application/yaml", 400, "malformed_text"),
    ("nothing", b"---\n", "application/yaml", 422, "invalid_document"),
]


@pytest.mark.parametrize(("body", "media", "status", "code"), [r[1:] for r in BODIES], ids=[r[0] for r in BODIES])
def test_bodies(api: Api, body: bytes, media: str, status: int, code: str) -> None:
    answer = api("POST", "apply", body, media)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert Resource.objects.count() == 0


def test_all_violations_of_all_documents_at_once(api: Api) -> None:
    bad = make.document("Service", "UPPER", {"ports": [{"port": 0}, {"port": 70000}], "x": 1})
    answer = api("POST", "apply", [bad, _port(-1)])
    found = {(e["document"], e["pointer"]) for e in answer.json()["errors"]}
    assert found >= {
        (0, "/spec/ports/0/port"),
        (0, "/spec/ports/1/port"),
        (0, "/spec/x"),
        (0, "/metadata/name"),
        (1, "/spec/ports/0/port"),
    }


def _cursor(values: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


QUERIES: list[tuple[str, str]] = [
    ("services?limit=0", "/limit"),
    ("services?limit=many", "/limit"),
    ("services?cursor=nonsense", "/cursor"),
    ("services?cursor=" + _cursor(["a"]), "/cursor"),
    ("revisions?cursor=" + _cursor(["a"]), "/cursor"),
    ("certificates?cursor=" + _cursor(["a", 1]), "/cursor"),
    ("audit?cursor=" + _cursor([True]), "/cursor"),
    ("services?label=%21%21", "/label"),
    ("revisions/1?wait=soon", "/wait"),
    ("revisions/1?wait=1h", "/wait"),
    ("topology?window=1s", "/window"),
    ("topology?at=yesterday", "/at"),
    ("topology?at=0001-01-01T00:00:00Z", "/at"),
    ("topology?at=9999-12-31T23:59:59-12:00", "/at"),
    ("topology/series?step=0s", "/step"),
]


@pytest.mark.parametrize(("path", "pointer"), QUERIES)
def test_queries(api: Api, path: str, pointer: str) -> None:
    answer = api("GET", path)
    assert answer.status_code == 422, answer.content
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_a_reference_to_nothing_is_accepted_and_says_so(api: Api) -> None:
    from meshweb.controlplane.publish import Publisher

    answer = api("POST", "apply", [make.namespace(), make.service("web"), make.route("web", {"nowhere": 1})])
    assert answer.status_code == 200, answer.content
    Publisher().run()
    conditions = {c["type"]: c for c in api("GET", "httproutes/shop/web").json()["status"]["conditions"]}
    assert conditions["ResolvedRefs"]["status"] == "False"
    assert conditions["ResolvedRefs"]["reason"] == "BackendNotFound"
    assert json.dumps(conditions["Accepted"]["status"]) == '"True"'


@pytest.mark.parametrize("path", ["services?namespace=%00", "services/shop/a%00b", "revisions/99999999999999999999999"])
def test_a_value_that_no_column_holds_is_not_called_an_outage(api: Api, path: str) -> None:
    assert api("GET", path).status_code in (404, 422)


def test_a_token_without_a_cookie_is_told_that_there_is_nothing(mesh: None) -> None:
    assert Client(enforce_csrf_checks=True).post("/api/v1/sandwiches").status_code == 404


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_without_end_is_refused_before_it_is_kept(mesh: None, declared: bool) -> None:
    """Also from a stranger: Django would write all of it to the disk first."""
    taken, sent = 0, []

    async def receive() -> Json:
        nonlocal taken
        taken += 1
        if taken > 17:
            await asyncio.Event().wait()  # the peer waits for the answer
        return {"type": "http.request", "body": b"x" * 65536, "more_body": True}

    async def send(event: Json) -> None:
        sent.append(event)

    length = [(b"content-length", b"9999999999")] if declared else []
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), *length]
    scope = {
        "type": "http", "method": "POST", "path": "/api/v1/session", "query_string": b"", "headers": headers, "scheme": "https",
        "client": ("127.0.0.1", 1), "server": ("localhost", 8443), "http_version": "1.1", "asgi": {"version": "3.0"}, "root_path": "",
    }  # fmt: skip
    asyncio.run(bounded(get_asgi_application())(scope, receive, send))
    assert sent[0]["status"] == 413
    assert taken == 18

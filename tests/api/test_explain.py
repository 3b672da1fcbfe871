"""Would a call pass, and who says so: on what is applied, and on a draft."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests import factories as make
from tests.api.conftest import Api

Json = dict[str, Any]


def _policy(name: str, rules: list[Json], action: str = "ALLOW", **metadata: Any) -> Json:
    spec = {"selector": {"matchLabels": {"app": "pay"}}, "action": action, "rules": rules}
    return make.document("AuthorizationPolicy", name, spec, **metadata)


_WEB = {"source": {"principals": ["cluster.local/ns/shop/sa/web"]}}
_ADMIN = _policy("deny-admin", [{"to": [{"operation": {"paths": ["/admin*"]}}]}], "DENY")
DOCUMENTS = (
    make.namespace(),
    make.service("web"),
    make.service("pay"),
    make.service("free"),
    make.service("empty"),
    make.entry("web-1", "10.0.0.1", "web", app="web"),
    make.entry("web-2", "10.0.0.4", "web-next", app="web"),
    make.entry("pay-1", "10.0.0.2", "pay", app="pay"),
    make.entry("free-1", "10.0.0.3", "free", app="free"),
    make.document(
        "Service",
        "guarded",
        {"selector": {"app": "free"}, "ports": [{"name": "http-guarded", "port": 80, "targetPort": 8081}]},
    ),
    make.document(
        "AuthorizationPolicy",
        "guard",
        {"targetRefs": [{"kind": "Service", "name": "guarded"}], "action": "DENY", "rules": [{}]},
    ),
    _ADMIN,
    _policy(
        "callers",
        [
            {"from": [_WEB], "to": [{"operation": {"methods": ["GET"], "paths": ["/pay/*"]}}]},
            {
                "when": [
                    {"key": "request.headers[x-role]", "values": ["auditor"]},
                    {"key": "source.ip", "values": ["10.9.0.0/16"]},
                ]
            },
        ],
    ),
)


PEERS = "PeerAuthentication shop/pay"


def _peers(mtls: Json, **ports: Json) -> Json:
    spec = {"selector": {"matchLabels": {"app": "pay"}}, "mtls": mtls, **({"portLevelMtls": ports} if ports else {})}
    return make.document("PeerAuthentication", "pay", spec)


def _tls(mode: str) -> Json:
    return make.document("DestinationRule", "pay", {"host": "pay", "trafficPolicy": {"tls": {"mode": mode}}})


@pytest.fixture(autouse=True)
def applied(api: Api) -> None:
    assert api("POST", "apply", list(DOCUMENTS)).status_code == 200


def _ask(api: Api, **changes: Any) -> Json:
    answer = api("POST", "explain", {"from": "shop/web-1", "to": "shop/pay", **changes})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


CALLERS, DENY = "AuthorizationPolicy shop/callers", "AuthorizationPolicy shop/deny-admin"
TABLE: dict[str, tuple[Json, tuple[str, str, str | None, str, str]]] = {
    "allowed": (
        {"path": "/pay/1?x"},
        ("allow", "policy", CALLERS, "/spec/rules/0", "rule 1 of shop/callers allows it"),
    ),
    "denied by a rule": (
        {"path": "/x/%2e%2e/admin"},
        ("deny", "policy", DENY, "/spec/rules/0", "rule 1 of shop/deny-admin denies it"),
    ),
    "admitted by nobody": (
        {"path": "/pay/1", "method": "POST"},
        ("deny", "policy", CALLERS, "/spec/rules/0/to/0/operation/methods", "nearest is rule 1 of shop/callers"),
    ),
    "by another rule": (
        {"headers": {"X-Role": ["auditor"]}, "sourceIp": "10.9.1.1"},
        ("allow", "policy", CALLERS, "/spec/rules/1", "rule 2 of shop/callers allows it"),
    ),
    "nearest by another rule": (
        {"headers": {"x-role": ["auditor"]}, "from": "shop/free-1"},
        ("deny", "policy", CALLERS, "/spec/rules/1/when/1/values", "nearest is rule 2"),
    ),
    "without certificate": (
        {"from": "", "path": "/pay/1"},
        ("deny", "connection", None, "", "the mesh's default is STRICT mTLS"),
    ),
    "denied at the port of a service": (
        {"to": "shop/guarded"},
        ("deny", "policy", "AuthorizationPolicy shop/guard", "/spec/rules/0", "rule 1 of shop/guard denies it"),
    ),
    "no policy at all": (
        {"to": "shop/free"},
        ("allow", "policy", None, "", "no ALLOW policy stands before the workload"),
    ),
}


@pytest.mark.parametrize(("changes", "expected"), TABLE.values(), ids=TABLE)
def test_what_decides(api: Api, changes: Json, expected: tuple[str, str, str | None, str, str]) -> None:
    found = _ask(api, **changes)
    (verdict,) = found["verdicts"]
    decision, hop, document, field, reason = expected
    assert (found["decision"], verdict["hop"], verdict["document"], verdict["field"]) == (decision, hop, document, field)
    assert reason in verdict["reason"]
    assert found["reason"] == verdict["reason"]


def test_the_trace_says_what_was_wanted_and_what_came(api: Api) -> None:
    found = _ask(api, method="POST", path="/pay/1")
    trace = {p["document"]: p for p in found["verdicts"][0]["policies"]}
    assert (trace[DENY]["action"], trace[DENY]["matched"]) == ("DENY", False)
    first, second = trace[CALLERS]["rules"]
    assert first["failed"] == [
        {"field": "/spec/rules/0/to/0/operation/methods", "wants": ["GET"], "negated": False, "got": "POST"}
    ]
    assert [(f["field"], f["got"]) for f in second["failed"]] == [
        ("/spec/rules/1/when/0/values", ""),
        ("/spec/rules/1/when/1/values", "10.0.0.1"),
    ]


def test_from_where_a_request_came_first_says_a_gateway_alone(api: Api) -> None:
    edge = make.entry("edge-1", "10.0.0.9", "edge", app="edge", istio="edge")
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    gateway = make.document("IstioGateway", "edge", {"selector": {"istio": "edge"}, "servers": [server]})
    office = _policy("office", [{"from": [{"source": {"remoteIpBlocks": ["192.0.2.0/24"]}}]}])
    draft = yaml.safe_dump_all([edge, gateway, office])

    def decision(caller: str, remote: str) -> str:
        return str(_ask(api, draft=draft, path="/x", method="POST", remoteIp=remote, **{"from": caller})["decision"])

    assert decision("shop/edge-1", "192.0.2.7") == "allow"
    assert decision("shop/edge-1", "198.51.100.1") == "deny"
    assert decision("shop/edge-1", "") == "deny"
    assert decision("shop/web-1", "192.0.2.7") == "deny", "its own address counts"


def test_what_a_provider_decides_is_never_simply_allowed(api: Api) -> None:
    providers = [{"name": "opa", "envoyExtAuthzHttp": {"service": "web.shop", "port": 8080}}]
    config = make.document("MeshConfig", "default", {"extensionProviders": providers})
    ask = _policy("ask", [{"to": [{"operation": {"paths": ["/pay/*", "/other"]}}]}], "CUSTOM")
    ask["spec"]["provider"] = {"name": "opa"}
    draft = yaml.safe_dump_all([config, ask])
    found = _ask(api, path="/pay/1", draft=draft)
    verdict = found["verdicts"][0]
    assert (found["decision"], verdict["decision"], verdict["provider"]) == ("ask", "ask", "opa")
    assert (verdict["document"], verdict["field"]) == ("AuthorizationPolicy shop/ask", "/spec/rules/0")
    assert verdict["reason"].startswith("rule 1 of shop/ask asks opa, which decides; rule 1 of shop/callers allows it")
    assert _ask(api, path="/other", draft=draft)["decision"] == "deny", "no ALLOW admits it, whatever the provider says"
    nobody = _ask(api, path="/pay/1", draft=yaml.safe_dump(ask))
    assert (nobody["decision"], nobody["verdicts"][0]["document"]) == ("deny", "AuthorizationPolicy shop/ask")
    assert nobody["reason"].endswith("MeshConfig default has no extension provider opa")


def test_a_draft_is_asked_without_being_applied(api: Api) -> None:
    widened = _policy("callers", [{"from": [_WEB]}])
    found = _ask(api, method="POST", draft=yaml.safe_dump(widened))
    assert (found["decision"], found["draft"]) == ("allow", True)
    tried = _policy("callers", [{"from": [_WEB]}], annotations={"istio.io/dry-run": "true"})
    found = _ask(api, method="POST", draft=yaml.safe_dump(tried))
    assert found["decision"] == "allow", "the only ALLOW policy decides nothing any more"
    assert _ask(api, method="POST")["decision"] == "deny"


def test_the_default_of_the_mesh_denies(api: Api) -> None:
    spec = {"defaultAuthorization": "DENY"}
    config = {"apiVersion": "meshweb.io/v1", "kind": "MeshConfig", "metadata": {"name": "default"}, "spec": spec}
    assert api("POST", "apply", [config]).status_code == 200
    [verdict] = _ask(api, to="shop/free")["verdicts"]
    assert verdict["decision"] == "deny"
    assert (verdict["document"], verdict["field"]) == ("MeshConfig default", "/spec/defaultAuthorization")
    assert "denies by default" in verdict["reason"]
    assert verdict["policies"] == []
    assert _ask(api, path="/pay/1")["decision"] == "allow"


ARRIVALS: dict[str, tuple[list[Json], Json, tuple[str, str, str | None, str, str]]] = {
    "who disables mTLS knows no caller": (
        [_peers({"mode": "DISABLE"})],
        {"path": "/pay/1"},
        ("deny", "policy", CALLERS, "/spec/rules/0/from/0/source/principals", "PeerAuthentication shop/pay disables mTLS"),
    ),
    "but for callers that a DestinationRule sends with mTLS": (
        [_peers({"mode": "DISABLE"}), _tls("ISTIO_MUTUAL")],
        {"path": "/pay/1"},
        ("allow", "policy", CALLERS, "/spec/rules/0", "rule 1 of shop/callers allows it"),
    ),
    "another port": (
        [_peers({"mode": "STRICT"}, **{"9090": {"mode": "DISABLE"}})],
        {"path": "/pay/1"},
        ("allow", "policy", CALLERS, "/spec/rules/0", "rule 1 of shop/callers allows it"),
    ),
    "a port says it": (
        [_peers({"mode": "PERMISSIVE"}, **{"8080": {"mode": "STRICT"}})],
        {"from": "", "path": "/pay/1"},
        ("deny", "connection", PEERS, "/spec/portLevelMtls/8080/mode", "PeerAuthentication shop/pay wants STRICT mTLS"),
    ),
    "a DestinationRule takes the certificate away": (
        [_tls("DISABLE")],
        {"path": "/pay/1"},
        ("deny", "connection", None, "", "DestinationRule shop/pay has its callers come with TLS mode DISABLE"),
    ),
    "TLS of the caller's own is no HTTP that a policy could read": (
        [_peers({"mode": "PERMISSIVE"}), _tls("SIMPLE")],
        {"path": "/admin"},
        ("deny", "policy", DENY, "/spec/rules/0", "rule 1 of shop/deny-admin denies it; DestinationRule shop/pay"),
    ),
}


@pytest.mark.parametrize(("documents", "changes", "expected"), ARRIVALS.values(), ids=ARRIVALS)
def test_how_the_caller_comes(
    api: Api, documents: list[Json], changes: Json, expected: tuple[str, str, str | None, str, str]
) -> None:
    assert api("POST", "apply", documents).status_code == 200
    test_what_decides(api, changes, expected)


KEYS = '{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}'
USERS = {"issuer": "https://a.example", "audiences": ["shop"], "jwks": KEYS, "spaceDelimitedClaims": ["roles"]}
ALICE = {"iss": "https://a.example", "sub": "alice", "aud": ["shop", "x"], "roles": "reader writer"}
TOKENS: dict[str, tuple[Json, tuple[str, str, str]]] = {
    "as wanted": (ALICE, ("allow", "policy", "rule 1 of shop/users allows it")),
    "none": ({}, ("deny", "policy", "nearest is rule 1 of shop/users")),
    "another role": ({**ALICE, "roles": "reader"}, ("deny", "policy", "nearest is rule 1 of shop/users")),
    "another issuer": (
        {**ALICE, "iss": "https://b"},
        ("deny", "token", "tokens of the issuer https://b: they are answered 401"),
    ),
    "for somebody else": ({**ALICE, "aud": "bank"}, ("deny", "token", "the token is for bank")),
}


@pytest.mark.parametrize(("claims", "expected"), TOKENS.values(), ids=TOKENS)
def test_what_a_token_opens(api: Api, claims: Json, expected: tuple[str, str, str]) -> None:
    selector = {"matchLabels": {"app": "free"}}
    role = {"when": [{"key": "request.auth.claims[roles]", "values": ["writer"]}]}
    documents = [
        make.document("RequestAuthentication", "users", {"selector": selector, "jwtRules": [USERS]}),
        make.document("AuthorizationPolicy", "users", {"selector": selector, "rules": [role]}),
    ]
    assert api("POST", "apply", documents).status_code == 200
    found = _ask(api, to="shop/free", claims=claims)
    decision, hop, reason = expected
    assert (found["decision"], found["verdicts"][0]["hop"]) == (decision, hop)
    assert reason in found["reason"]


def test_a_token_that_nobody_looks_at_says_nothing(api: Api) -> None:
    rules = [{"from": [{"source": {"requestPrincipals": ["*"]}}]}]
    policy = make.document("AuthorizationPolicy", "p", {"selector": {"matchLabels": {"app": "free"}}, "rules": rules})
    assert api("POST", "apply", [policy]).status_code == 200
    assert _ask(api, to="shop/free", claims=ALICE)["decision"] == "deny"


def test_a_workload_calls_from_its_own_address(api: Api) -> None:
    rules = [{"from": [{"source": {"ipBlocks": ["10.0.0.1"]}}]}]
    policy = make.document("AuthorizationPolicy", "p", {"selector": {"matchLabels": {"app": "free"}}, "rules": rules})
    assert api("POST", "apply", [policy]).status_code == 200
    assert _ask(api, to="shop/free")["decision"] == "allow"
    assert _ask(api, to="shop/free", sourceIp="10.0.0.4")["decision"] == "deny"


def test_of_many_policies_those_that_tell_something_are_shown(api: Api) -> None:
    """A thousand that do not match would only be read by nobody."""
    selector, web = {"matchLabels": {"app": "free"}}, "cluster.local/ns/shop/sa/web"

    def policy(index: int, principal: str, path: str) -> Json:
        rules = [{"from": [{"source": {"principals": [principal]}}], "to": [{"operation": {"paths": [path]}}]}]
        return make.document("AuthorizationPolicy", f"p{index:02}", {"selector": selector, "rules": rules})

    others = [policy(index, "cluster.local/ns/shop/sa/x", "/x") for index in range(98)]
    assert api("POST", "apply", [*others, policy(98, web, "/near"), policy(99, web, "/here")]).status_code == 200
    for path, decision, document in (("/here", "allow", "shop/p99"), ("/there", "deny", "shop/p98")):
        [verdict] = _ask(api, to="shop/free", path=path)["verdicts"]
        assert (verdict["decision"], verdict["document"]) == (decision, f"AuthorizationPolicy {document}")
        shown = [trace["document"] for trace in verdict["policies"]]
        assert (len(shown), verdict["omitted"]) == (50, 50)
        assert f"AuthorizationPolicy {document}" in shown


def test_a_service_with_nobody_behind_it(api: Api) -> None:
    found = _ask(api, to="shop/empty")
    assert (found["decision"], found["verdicts"], found["reason"]) == ("deny", [], "nobody stands behind shop/empty")


@pytest.mark.parametrize(
    ("changes", "pointer", "words"),
    [
        ({"to": "shop/nobody"}, "/to", "there is no Service shop/nobody"),
        ({"to": "shop/pay", "port": 9}, "/to", "has no port 9; it has 8080"),
        ({"from": "shop/nobody"}, "/from", "there is no workload, service or service account"),
        ({"from": "shop/web"}, "/from", "2 identities stand"),
        ({"path": "/a%2fb"}, "/path", "escaped slashes"),
        ({"path": "a"}, "/path", "begins with"),
        ({"sourceIp": "localhost"}, "/sourceIp", "must be an IP address"),
        ({"remoteIp": "localhost"}, "/remoteIp", "must be an IP address"),
        ({"verb": "GET"}, "/verb", ""),
        ({"draft": "kind: [", "to": "shop/pay"}, "", ""),
    ],
)
def test_questions_that_have_no_answer(api: Api, changes: Json, pointer: str, words: str) -> None:
    answer = api("POST", "explain", {"from": "shop/web-1", "to": "shop/pay", **changes})
    assert answer.status_code in {400, 422}, answer.text
    if pointer:
        (error,) = answer.json()["errors"]
        assert error["pointer"] == pointer
        assert words in error["detail"]

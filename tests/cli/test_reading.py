"""get, proxy, token, topology and version; and what goes wrong before any of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshweb.cli.durations import seconds
from meshweb.cli.errors import UsageError
from meshweb.cli.kinds import find_kind
from meshweb.cli.output import ago
from tests.cli import shapes
from tests.cli.conftest import Meshctl
from tests.cli.server import Answer, Server, problem


@pytest.mark.parametrize(
    ("name", "plural"),
    [
        ("HTTPRoute", "httproutes"),
        ("httproutes", "httproutes"),
        ("SVC", "services"),
        ("Service", "services"),
        ("ns", "namespaces"),
        ("we", "workloadentries"),
        ("WorkloadGroups", "workloadgroups"),
        ("ap", "authorizationpolicies"),
        ("peerauthentication", "peerauthentications"),
        ("mc", "meshconfigs"),
    ],
)
def test_kinds_go_by_many_names(name: str, plural: str) -> None:
    assert find_kind(name).plural == plural


def test_get_reads_all_pages(meshctl: Meshctl, server: Server) -> None:
    second = shapes.page(shapes.document("Service", "web", Programmed="False"))
    server.replies["GET /services"] = lambda call: Answer(
        second if call.query.get("cursor") == "c1" else shapes.page(shapes.document("Service", "payments"), next="c1")
    )
    ran = meshctl("get", "svc", "-n", "shop", "-l", "app=a", "-l", "v=1")
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[0] == ["NAMESPACE", "NAME", "STATE", "AGE"]
    assert lines[1][:3] == ["shop", "payments", "Programmed"]
    assert lines[2][:4] == ["shop", "web", "Programmed=False:", "ProgrammedReason"]
    assert server.calls[0].query == {"limit": "500", "namespace": "shop", "label": "app=a,v=1"}


def test_get_one_as_yaml_and_all_as_json(meshctl: Meshctl, server: Server) -> None:
    wanted = shapes.document("Service", "payments")
    server.replies["GET /services/shop/payments"] = Answer(wanted)
    server.replies["GET /services"] = Answer(shapes.page(wanted, wanted))
    assert yaml.safe_load(meshctl("get", "svc", "shop/payments", "-o", "yaml").out) == wanted
    assert json.loads(meshctl("get", "svc", "-o", "json").out) == {"items": [wanted, wanted]}
    assert list(yaml.safe_load_all(meshctl("get", "svc", "-o", "yaml").out)) == [wanted, wanted]


def test_get_nothing_says_so(meshctl: Meshctl, server: Server) -> None:
    server.replies["GET /services"] = Answer(shapes.page())
    assert meshctl("get", "svc", "-n", "shop").out == "no services in shop\n"


def test_text_of_the_server_is_no_markup(meshctl: Meshctl, server: Server) -> None:
    server.replies["GET /services"] = Answer(shapes.page(shapes.document("Service", "[red]x[/red]")))
    assert "[red]x[/red]" in meshctl("get", "svc").out


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (problem(404, "not-found", "there is no Service shop/x"), "there is no Service shop/x\n"),
        (
            problem(401, "unauthenticated", "sign in first"),
            (
                "sign in first\nmeshctl: set MESHWEB_TOKEN (make one with: meshctl api-token create), "
                "or run where .run/admin.token can be read\n"
            ),
        ),
        (problem(503, "away", "the database is away"), "the database is away (request r-1)\n"),
        (Answer(None, 502), "the control plane answers 502\n"),
    ],
)
def test_problems_are_said_in_words(meshctl: Meshctl, server: Server, answer: Answer, said: str) -> None:
    server.replies["GET /services/shop/x"] = answer
    assert meshctl("get", "svc", "shop/x") == (1, "", f"meshctl: {said}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("get", "nothing"), "there is no kind 'nothing'; there are: namespaces, "),
        (("get", "ns", "a/b"), "namespaces have no namespace"),
        (("get", "svc", "a/b", "-n", "c"), "'a/b' and --namespace c name two namespaces"),
        (("get", "svc", "a", "-l", "b=c"), "give a name or labels, not both"),
        (("proxy", "get", "web-1"), "a proxy is named NAMESPACE/NAME"),
        (("wait",), "wait for what?"),
        (("wait", "revision", "1", "--timeout", "soon"), "--timeout soon: give a duration"),
        (("delete",), "give a kind and names"),
        (("delete", "svc"), "give the name too"),
    ],
)
def test_usage_errors(meshctl: Meshctl, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = meshctl(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"meshctl: {said}")


def test_unknown_options_are_usage_errors(meshctl: Meshctl) -> None:
    assert meshctl("get", "--nonsense").code == 2
    assert meshctl("--help").code == 0


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("http://127.0.0.1:1", 1, "cannot reach http://127.0.0.1:1"),
        ("ftp://x", 2, "MESHWEB_URL 'ftp://x' must be like"),
        ("http://mesh.example.com", 2, "MESHWEB_URL http://mesh.example.com would carry the token over the network"),
    ],
)
def test_bad_urls(meshctl: Meshctl, monkeypatch: pytest.MonkeyPatch, url: str, code: int, said: str) -> None:
    monkeypatch.setenv("MESHWEB_URL", url)
    ran = meshctl("get", "svc")
    assert ran.code == code
    assert ran.err.startswith(f"meshctl: {said}")


def test_token_of_a_local_control_plane(
    meshctl: Meshctl, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.replies["GET /services"] = Answer(shapes.page())
    monkeypatch.delenv("MESHWEB_TOKEN")
    (tmp_path / ".run").mkdir()
    (tmp_path / ".run/admin.token").write_text("mwt_local\n")
    (tmp_path / "admin.token").write_text("mwt_given\n")
    meshctl("get", "svc")
    monkeypatch.setenv("MESHWEB_DATA_DIR", str(tmp_path))
    meshctl("get", "svc")
    assert [call.headers["Authorization"] for call in server.calls] == ["Bearer mwt_local", "Bearer mwt_given"]


def test_proxies(meshctl: Meshctl, server: Server) -> None:
    refusing = shapes.proxy("shop/api-1", "rejected", "error adding listener: address in use")
    gateway = shapes.proxy("shop/edge-1") | {"workloadGroup": "edge", "gateway": "ingress"}
    server.replies["GET /proxies"] = Answer(shapes.page(shapes.proxy("shop/web-1"), refusing, gateway))
    server.replies["GET /proxies/shop/web-1"] = Answer(shapes.proxy("shop/web-1"))
    listed = meshctl("proxy", "list").out.splitlines()
    assert listed[1].split()[:9] == ["shop/web-1", "web", "-", "explicit", "synced", "healthy", "6", "(wants", "7)"]
    assert listed[3].split()[:4] == ["shop/edge-1", "edge", "ingress", "-"]
    status = meshctl("proxy", "status")
    assert status.code == 3
    assert status.out.endswith("shop/api-1 refuses Listeners: error adding listener: address in use\n")
    one = meshctl("proxy", "status", "shop/web-1", "-o", "json")
    assert one.code == 0
    assert [t["state"] for t in json.loads(one.out)["items"][0]["types"]] == ["synced"] * 4
    server.replies["GET /proxies/shop/edge-1"] = Answer(gateway)
    assert ["gateway", "ingress"] in [line.split() for line in meshctl("proxy", "get", "shop/edge-1").out.splitlines()]
    assert "spiffe://cluster.local/ns/shop/sa/web" in meshctl("proxy", "get", "shop/web-1").out


def test_join_tokens(meshctl: Meshctl, server: Server) -> None:
    made = {"id": "t1", "token": "mwj_x", "expiresAt": "2999-01-01T00:00:00Z", "command": "meshweb-agent run --token mwj_x"}
    redeemed: list[dict[str, Any]] = [{"proxy": "shop/web-1"}]
    listed = {"namespace": "shop", "workloadGroup": "web", "uses": 2, "usesLeft": 1, "state": "active", "redemptions": redeemed}
    server.replies |= {
        "POST /join-tokens": Answer(made, 201),
        "GET /join-tokens": Answer(shapes.page({**made, **listed})),
        "DELETE /join-tokens/t1": Answer(status=204),
    }
    ran = meshctl("token", "create", "--namespace", "shop", "--group", "web", "--ttl", "2h", "--uses", "2")
    assert ran.out.splitlines()[-1] == made["command"]
    assert json.loads(server.calls[0].body) == {"namespace": "shop", "workloadGroup": "web", "ttl": "2h", "uses": 2}
    assert meshctl("token", "list").out.splitlines()[1].split()[:4] == ["t1", "shop/web", "active", "1/2"]
    assert meshctl("token", "revoke", "t1").code == 0


def test_api_tokens(meshctl: Meshctl, server: Server) -> None:
    token = {"id": "a1", "name": "ci", "scopes": ["read", "write"], "expiresAt": "2999-01-01T00:00:00Z"}
    server.replies |= {
        "POST /api-tokens": Answer({**token, "token": "mwt_new"}, 201),
        "GET /api-tokens": Answer(shapes.page(token)),
        "DELETE /api-tokens/a1": Answer(status=204),
    }
    ran = meshctl("api-token", "create", "ci", "--scope", "read", "--scope", "write")
    assert ran.out.splitlines()[-1] == "export MESHWEB_TOKEN=mwt_new"
    assert json.loads(server.calls[0].body) == {"name": "ci", "scopes": ["read", "write"], "ttl": "30d"}
    assert meshctl("api-token", "list").out.splitlines()[1].split()[:4] == ["a1", "ci", "read", "write"]
    assert meshctl("api-token", "revoke", "a1").code == 0


def test_topology(meshctl: Meshctl, server: Server) -> None:
    edge = {"source": "shop/web", "destination": "shop/cart", "health": "ok", "rps": 12.34, "errorRate": 0.041, "denied": 0}
    found = {"edges": [{**edge, "p50": 1.5, "p95": None, "p99": None, "mtls": True}], "reporting": 2, "connected": 3}
    server.replies["GET /topology"] = Answer({**found, "telemetryAt": None})
    out = meshctl("topology", "--window", "5m").out.splitlines()
    assert out[1].split() == ["shop/web", "shop/cart", "ok", "12.3", "4.1", "%", "0.0", "1.5", "-", "-", "yes"]
    assert out[2].startswith("2 of 3 proxies report")
    assert server.calls[0].query == {"window": "5m"}


def test_version(meshctl: Meshctl, server: Server) -> None:
    server.replies["GET /mesh"] = Answer({"version": "0.1.0", "name": "mesh"})
    assert meshctl("version").out.splitlines()[1] == f"control plane 0.1.0 at {server.url}, mesh mesh"


@pytest.mark.parametrize(("text", "value"), [("500ms", 0.5), ("60s", 60), ("1h30m", 5400), ("1.5s", 1.5), ("2d", 172800)])
def test_durations(text: str, value: float) -> None:
    assert seconds(text, "--timeout") == value


@pytest.mark.parametrize("text", ["", "5", "s", "1h 2m", "-1s", "1x"])
def test_bad_durations(text: str) -> None:
    with pytest.raises(UsageError):
        seconds(text, "--timeout")


def test_ago() -> None:
    from datetime import datetime

    now = datetime.fromisoformat("2026-01-01T01:00:00Z")
    assert ago(None) == "-"
    assert ago("2026-01-01T00:59:55Z", now) == "5s"
    assert ago("2026-01-01T00:00:00Z", now) == "1h"
    assert ago("2026-01-03T01:00:00Z", now) == "in 2d"


def test_effective_names_the_document_of_each_value(meshctl: Meshctl, server: Server) -> None:
    origin = {"document": "VirtualService shop/pay", "field": "/spec/http/0/timeout"}
    route = {
        "match": "everything",
        "action": "forward",
        "shares": [{"to": "shop/pay:8080", "subset": "v1", "share": 0.25}],
        "values": [{"name": "timeout", "value": 1500, "origin": origin}, {"name": "tryTimeout", "value": 0, "origin": None}],
        "origin": {"document": "VirtualService shop/pay", "field": "/spec/http/0"},
    }
    called = {"service": "shop/pay", "port": 8080, "host": "pay.shop.svc.cluster.local", "protocol": "http", "routes": [route]}
    limits = [{"name": "maxConnections", "value": "unlimited", "origin": None}]
    to = {"service": "shop/pay", "port": 8080, "subset": "v1", "endpoints": 2, "healthy": 1, "values": limits}
    found = {"proxy": "shop/web-1", "revision": 3, "upstreams": [called], "destinations": [to], "inbound": [], "gateways": []}
    server.replies["GET /proxies/shop/web-1/effective"] = Answer(found)
    out = meshctl("proxy", "effective", "shop/web-1").out
    assert "shop/pay:8080 v1 25 %" in out
    assert "1.5 s" in out
    assert "VirtualService shop/pay /spec/http/0/timeout" in out
    assert "shop/pay:8080 v1 (1 of 2 healthy)" in out
    assert "pay" not in meshctl("proxy", "effective", "shop/web-1", "--service", "other").out
    assert json.loads(meshctl("proxy", "effective", "shop/web-1", "-o", "json").out) == found

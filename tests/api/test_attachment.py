"""What became of routes at their parents, and of the listeners of Gateways, as Gateway API writes it."""

from __future__ import annotations

from typing import Any

from meshweb.controlplane.publish import publisher
from tests import factories as make
from tests.api.conftest import Api

_API = "gateway.networking.k8s.io/v1"


def _conditions(part: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in part["conditions"]}


def test_statuses_of_parents_and_listeners(api: Api) -> None:
    listeners = [
        {"name": "http", "port": 8080, "protocol": "HTTP"},
        {"name": "https", "port": 8443, "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "gone"}]}},
    ]
    parents = [
        {"name": "public", "sectionName": "http"},
        {"name": "public", "sectionName": "nothing"},
        {"group": "", "kind": "Service", "name": "pay", "port": 8080},
    ]
    rules = [{"backendRefs": [{"name": "pay", "port": 8080}]}]
    documents = [
        make.namespace(),
        make.service("pay"),
        make.document("Gateway", "public", {"gatewayClassName": "meshweb", "listeners": listeners}),
        make.document("HTTPRoute", "pay", {"parentRefs": parents, "rules": rules}),
    ]
    assert api("POST", "apply", documents).status_code == 200
    publisher().run()

    route = api("GET", "httproutes/shop/pay").json()["status"]
    assert [parent["parentRef"].get("sectionName", "") for parent in route["parents"]] == ["http", "nothing", ""]
    first, second, third = map(_conditions, route["parents"])
    assert first["Accepted"] == third["Accepted"] == ("True", "Accepted")
    assert second["Accepted"] == ("False", "NoMatchingParent")
    assert first["ResolvedRefs"] == ("True", "ResolvedRefs")
    assert {parent["controllerName"] for parent in route["parents"]} == {"meshweb.io/control-plane"}

    gateway = api("GET", "gateways/shop/public").json()["status"]
    http, https = gateway["listeners"]
    assert (http["name"], http["attachedRoutes"], https["attachedRoutes"]) == ("http", 1, 0)
    assert http["supportedKinds"] == [{"kind": "HTTPRoute"}, {"kind": "GRPCRoute"}]
    assert _conditions(http)["Conflicted"] == ("False", "NoConflicts")
    assert _conditions(https)["ResolvedRefs"] == ("False", "InvalidCertificateRef")
    assert "Programmed" in _conditions(http)

    assert api("DELETE", "httproutes/shop/pay", If_Match="*").status_code == 204
    publisher().run()
    assert api("GET", "gateways/shop/public").json()["status"]["listeners"][0]["attachedRoutes"] == 0


def test_an_istio_gateway_finds_its_secret_where_its_proxies_are(api: Api) -> None:
    server = {
        "port": {"number": 8443, "name": "https", "protocol": "HTTPS"},
        "hosts": ["*"],
        "tls": {"mode": "SIMPLE", "credentialName": "shop-tls"},
    }
    documents = [
        make.namespace(),
        make.entry("edge", "10.0.0.9", istio="edge"),
        make.document("IstioGateway", "public", {"selector": {"istio": "edge"}, "servers": [server]}, namespace="elsewhere"),
        make.namespace("elsewhere"),
    ]
    assert api("POST", "apply", documents).status_code == 200
    publisher().run()
    (listener,) = api("GET", "istiogateways/elsewhere/public").json()["status"]["listeners"]
    assert _conditions(listener)["ResolvedRefs"] == ("False", "InvalidCertificateRef")
    assert any("shop/shop-tls" in condition["message"] for condition in listener["conditions"])

"""What holds for a proxy, and who said so."""

from __future__ import annotations

from typing import Any

from tests import factories as make
from tests.api.conftest import Api

_ISTIO = "networking.istio.io/v1"


def _istio(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return make.document(kind, name, spec)


DOCUMENTS = (
    make.namespace(),
    make.service("web"),
    make.service("pay"),
    make.entry("web", "10.0.0.1"),
    make.entry("pay", "10.0.0.2", version="v1", app="pay"),
    _istio(
        "DestinationRule",
        "pay",
        {
            "host": "pay",
            "trafficPolicy": {
                "connectionPool": {"tcp": {"maxConnections": 7}},
                "portLevelSettings": [{"port": {"number": 9}, "loadBalancer": {"simple": "RANDOM"}}],
            },
            "subsets": [
                {"name": "v1", "labels": {"version": "v1"}, "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}}}
            ],
        },
    ),
    _istio(
        "VirtualService",
        "pay",
        {
            "hosts": ["pay"],
            "http": [
                {
                    "match": [{"uri": {"prefix": "/api"}}],
                    "timeout": "2s",
                    "route": [{"destination": {"host": "pay", "subset": "v1"}}],
                },
                {"route": [{"destination": {"host": "pay"}}]},
            ],
        },
    ),
    make.document("HealthCheck", "pay", {"targetRefs": [{"name": "pay"}], "http": {"path": "/healthz"}, "panicThreshold": 40}),
    make.document("PeerAuthentication", "default", {"mtls": {"mode": "PERMISSIVE"}}),
    make.document("AuthorizationPolicy", "only-web", {"selector": {"matchLabels": {"app": "web"}}, "rules": [{}]}),
)


def _values(row: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    return {
        v["name"]: (v["value"], f"{v['origin']['document']} {v['origin']['field']}" if v["origin"] else "default")
        for v in row["values"]
    }


def test_every_value_names_its_document_and_field(api: Api) -> None:
    assert api("POST", "apply", list(DOCUMENTS)).status_code == 200
    make.proxy("web")
    found = api("GET", "proxies/shop/web/effective").json()

    upstream = next(u for u in found["upstreams"] if u["service"] == "shop/pay")
    first, second = upstream["routes"]
    assert (first["match"], first["action"]) == ("path begins with /api", "forward")
    assert first["origin"] == {"document": "VirtualService shop/pay", "field": "/spec/http/0"}
    assert first["shares"] == [{"to": "shop/pay:8080", "subset": "v1", "share": 1.0}]
    assert _values(first)["timeout"] == (2000, "VirtualService shop/pay /spec/http/0/timeout")
    assert _values(first)["retries.attempts"] == (2, "default")
    assert (second["match"], _values(second)["timeout"]) == ("everything", (0, "default"))

    rows = {(d["service"], d["subset"]): d for d in found["destinations"]}
    whole, subset = _values(rows["shop/pay", ""]), _values(rows["shop/pay", "v1"])
    assert whole["healthCheck"] == ("GET /healthz is 200", "HealthCheck shop/pay /spec/http")
    assert whole["panicThreshold"] == (40, "HealthCheck shop/pay /spec/panicThreshold")
    assert whole["maxConnections"] == (7, "DestinationRule shop/pay /spec/trafficPolicy/connectionPool")
    assert whole["loadBalancer"] == ("LEAST_REQUEST", "default")
    assert subset["loadBalancer"] == ("ROUND_ROBIN", "DestinationRule shop/pay /spec/subsets/0/trafficPolicy/loadBalancer")
    assert subset["maxConnections"] == whole["maxConnections"], "a subset overrides field by field"
    assert whole["tls.mode"] == ("ISTIO_MUTUAL", "default")
    assert (rows["shop/pay", "v1"]["endpoints"], rows["shop/pay", "v1"]["healthy"]) == (1, 1)

    (port,) = found["inbound"]
    assert _values(port)["mtls"] == ("PERMISSIVE", "PeerAuthentication shop/default /spec/mtls/mode")
    assert port["policies"] == ["ALLOW shop/only-web"]


def test_only_proxies_have_one(api: Api) -> None:
    assert api("GET", "proxies/shop/nobody/effective").status_code == 404

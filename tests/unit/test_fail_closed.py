"""What cannot be enforced or placed as written harms its own target only, and closed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from google.protobuf import json_format

from meshweb.core.compile import Compiler
from meshweb.core.envoy import rbac_values
from meshweb.core.envoy.rbac import policy_of, rules_for
from meshweb.core.intent import CaptureMode, DocumentKey, Intent, ProxyView, Unreadable
from meshweb.core.ir.security import Attribute, Policy, PolicyAction, PolicyCondition, PolicyRule
from meshweb.core.snapshot import Snapshot, TypeUrl
from meshweb.kinds.registry import KINDS
from meshweb.protos import message, pool
from tests import factories as make
from tests.golden.rig import intent_of

_WEB = ProxyView("shop", "web-1", CaptureMode.EXPLICIT, "127.10.0.1")


def _policy(name: str, **spec: Any) -> dict[str, Any]:
    return make.document("AuthorizationPolicy", name, spec)


def _intent(*documents: dict[str, Any], view: ProxyView = _WEB) -> Intent:
    return intent_of(list(documents), {view.id: view}, frozenset())


def _compiled(intent: Intent) -> Snapshot:
    return Compiler(KINDS).compile(intent).snapshots["shop/web-1"]


def _authorization(snapshot: Snapshot) -> dict[str, Any]:
    """RBAC rules of the inbound port 8080, by filter (short name); None: it is switched off."""
    found = snapshot.resource(TypeUrl.ROUTE, "inbound|8080")
    assert found is not None
    host = message("envoy.config.route.v3.RouteConfiguration").FromString(found.body).virtual_hosts[0]
    rules = {}
    for name, packed in host.typed_per_filter_config.items():
        per_route = message("envoy.extensions.filters.http.rbac.v3.RBACPerRoute").FromString(packed.value)
        rbac = per_route.rbac
        rules[name.rpartition(".")[2]] = (
            json_format.MessageToDict(rbac.rules, descriptor_pool=pool()) if rbac.HasField("rules") else None
        )
    return rules


def test_an_unreadable_policy_denies_also_what_another_one_allows() -> None:
    """It may have been the DENY that an ALLOW beside it relied on."""
    intent = _intent(make.entry("web-1", "127.10.0.1", app="web"), _policy("open", rules=[{}]), _policy("lost", action="DENY"))
    key = DocumentKey("AuthorizationPolicy", "shop", "lost")
    broken = replace(intent.documents[key], spec=Unreadable("a field of a later version"))
    rules = _authorization(_compiled(replace(intent, documents={**intent.documents, key: broken})))
    everybody = {"permissions": [{"any": True}], "principals": [{"any": True}]}
    assert rules["deny"]["policies"]["ns[shop]-policy[lost]-rule[0]"] == everybody


def test_an_unreadable_request_authentication_denies_beside_a_policy_of_its_name() -> None:
    rule = {"issuer": "https://a.example", "jwksUri": "https://a.example/keys"}
    intent = _intent(
        make.entry("web-1", "127.10.0.1", app="web"),
        make.document("RequestAuthentication", "users", {"jwtRules": [rule]}),
        _policy("users", rules=[{}]),
    )
    key = DocumentKey("RequestAuthentication", "shop", "users")
    broken = replace(intent.documents[key], spec=Unreadable("a field of a later version"))
    rules = _authorization(_compiled(replace(intent, documents={**intent.documents, key: broken})))
    assert "ns[shop]-RequestAuthentication[users]-rule[0]" in rules["deny"]["policies"]
    assert policy_of("ns[shop]-RequestAuthentication[users]-rule[0]") == (key, 0)


def test_an_unreadable_mesh_config_admits_nobody_whom_no_policy_names() -> None:
    """It may have said so."""
    raw = {"apiVersion": "meshweb.io/v1", "kind": "MeshConfig", "metadata": {"name": "default"}, "spec": {}}
    intent = _intent(make.entry("web-1", "127.10.0.1", app="web"), raw)
    key = DocumentKey("MeshConfig", "", "default")
    broken = replace(intent.documents[key], spec=Unreadable("a field of a later version"))
    assert _authorization(_compiled(intent))["allow"] is None
    assert _authorization(_compiled(replace(intent, documents={**intent.documents, key: broken})))["allow"] == {}


def test_an_unreadable_peer_authentication_means_strict_whatever_others_say() -> None:
    """It may have been the STRICT of one workload in a namespace that is PERMISSIVE."""
    permissive = {"mtls": {"mode": "PERMISSIVE"}}
    intent = _intent(
        make.entry("web-1", "127.10.0.1", app="web"),
        make.document("PeerAuthentication", "open", permissive),
        make.document("PeerAuthentication", "lost", {**permissive, "selector": {"matchLabels": {"app": "web"}}}),
    )
    key = DocumentKey("PeerAuthentication", "shop", "lost")
    broken = replace(intent.documents[key], spec=Unreadable("a field of a later version"))
    chains = {
        name: _chains(found)
        for name, found in (("read", intent), ("lost", replace(intent, documents={**intent.documents, key: broken})))
    }
    assert chains == {"read": ["mtls", "tls", "plain"], "lost": ["mtls"]}


def _chains(intent: Intent) -> list[str]:
    found = _compiled(intent).resource(TypeUrl.LISTENER, "inbound|8080")
    assert found is not None
    return [chain.name for chain in message("envoy.config.listener.v3.Listener").FromString(found.body).filter_chains]


@pytest.mark.parametrize(
    "view",
    [
        replace(_WEB, mode=CaptureMode.LOOPBACK, loopback_range="127.77.0.0/30"),
        replace(_WEB, mode=CaptureMode.EXPLICIT),
    ],
    ids=["loopback", "explicit"],
)
def test_a_service_without_a_free_local_address_does_not_stop_the_others(view: ProxyView) -> None:
    intent = _intent(make.service("a"), make.service("b"), view=view)
    addresses = {place: index if place[0].name == "a" else 50_000 for place, index in intent.local_addresses.items()}
    found = _compiled(replace(intent, local_addresses=addresses))
    assert [r.name for r in found.resources(TypeUrl.LISTENER)] == ["outbound|8080||a.shop.svc.cluster.local"]


def test_labels_of_the_document_count_as_labels_of_the_workload() -> None:
    """As in Istio, where they win: a policy that selects by them must find its workload."""
    entry = make.entry("web-1", "127.10.0.1", app="web", tier="front") | {
        "metadata": {"name": "web-1", "namespace": "shop", "labels": {"tier": "secret"}}
    }
    policy = _policy("p", action="DENY", selector={"matchLabels": {"app": "web", "tier": "secret"}}, rules=[{}])
    assert _authorization(_compiled(_intent(entry, policy)))["deny"]["policies"]


@pytest.mark.parametrize(
    ("principal", "matcher"),
    [
        ("cluster.local/ns/shop/sa/web", {"exact": "spiffe://corp.example/ns/shop/sa/web"}),
        ("cluster.local/ns/shop/*", {"prefix": "spiffe://corp.example/ns/shop/"}),
        ("corp.example/ns/shop/sa/web", {"exact": "spiffe://corp.example/ns/shop/sa/web"}),
        ("other.example/ns/shop/sa/web", {"exact": "spiffe://other.example/ns/shop/sa/web"}),
        ("*/ns/shop/sa/web", {"safe_regex": {"regex": "spiffe://.*/ns/shop/sa/web"}}),
        ("*", {"safe_regex": {"regex": ".+"}}),
    ],
)
def test_cluster_local_means_the_own_trust_domain(principal: str, matcher: dict[str, Any]) -> None:
    """Istio: policies written for `cluster.local` hold in a mesh with another trust domain."""
    policy = Policy(
        "shop", "p", PolicyAction.DENY, (PolicyRule(sources=((PolicyCondition(Attribute.PRINCIPAL, (principal,)),),)),)
    )
    deny = rules_for((policy,), http=True, trust_domain="corp.example").deny
    assert deny is not None
    [rule] = deny["policies"].values()
    assert rule["principals"] == [{"and_ids": {"ids": [rbac_values.caller(matcher)]}}]


def test_a_route_keeps_its_own_policy_beside_a_broken_document_of_the_same_name() -> None:
    """Sets of policies are told apart by kind too: else the route would have those of its host."""
    labels = {"app": "edge", "gateway.networking.k8s.io/gateway-name": "public"}
    edge = make.document("WorkloadEntry", "edge-1", {"address": "127.10.0.9", "labels": labels, "serviceAccount": "edge"})
    listener = {"name": "http", "port": 8080, "protocol": "HTTP"}
    gateway = make.document("Gateway", "public", {"gatewayClassName": "meshweb", "listeners": [listener]})
    rules = [{"matches": [{"path": {"value": "/kept"}}], "backendRefs": [{"name": "web", "port": 8080}]}]
    route = make.document("HTTPRoute", "kept", {"parentRefs": [{"name": "public"}], "rules": rules})
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "kept"}
    view = ProxyView("shop", "edge-1", CaptureMode.EXPLICIT, "127.10.0.9", gateway="public")
    users = make.document("RequestAuthentication", "p", {"selector": {"matchLabels": {"app": "edge"}}})
    intent = _intent(
        edge,
        make.service("web"),
        gateway,
        route,
        users,
        _policy("p", targetRefs=[target], action="DENY", rules=[{}]),
        view=view,
    )
    key = DocumentKey("RequestAuthentication", "shop", "p")
    broken = replace(intent, documents={**intent.documents, key: replace(intent.documents[key], spec=Unreadable("of later"))})
    found = Compiler(KINDS).compile(broken).snapshots[view.id].resource(TypeUrl.ROUTE, "http.8080")
    assert found is not None
    routes = message("envoy.config.route.v3.RouteConfiguration").FromString(found.body).virtual_hosts[0].routes
    (kept,) = (one for one in routes if one.name == "shop/kept")
    packed = kept.typed_per_filter_config["envoy.filters.http.rbac.deny"]
    denied = message("envoy.extensions.filters.http.rbac.v3.RBACPerRoute").FromString(packed.value).rbac.rules.policies
    assert sorted(denied) == ["ns[shop]-RequestAuthentication[p]-rule[0]", "ns[shop]-policy[p]-rule[0]"]

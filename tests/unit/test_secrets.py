"""Which proxy is given which Secret, and what becomes of a server whose Secret cannot be given."""

from __future__ import annotations

from typing import Any

import pytest

from meshweb.core.compile import Compiler
from meshweb.core.envoy.secrets import named_in
from meshweb.core.intent import CaptureMode, ProxyView
from meshweb.core.snapshot import Snapshot, TypeUrl
from meshweb.kinds.registry import KINDS
from tests import certificates, factories as make
from tests.golden.rig import intent_of

PAIR, ROOTS = certificates.server("shop.example.com"), {"ca.crt": certificates.Authority().certificate}
Json = dict[str, Any]


def compiled(*documents: Json, gateway: str = "public", namespace: str = "shop") -> Snapshot:
    """What the proxy `edge-1` of a namespace gets: a gateway, or a sidecar when `gateway` is empty."""
    view = ProxyView(namespace, "edge-1", CaptureMode.EXPLICIT, "127.10.0.1", gateway=gateway)
    labels = {"gateway.networking.k8s.io/gateway-name": "public", "istio": "edge"}
    spec = {"address": "127.10.0.1", "labels": labels, "serviceAccount": "edge"}
    entry = make.document("WorkloadEntry", "edge-1", spec, namespace)
    return Compiler(KINDS).compile(intent_of([entry, *documents], {view.id: view})).snapshots[view.id]


def given(snapshot: Snapshot) -> list[str]:
    return [resource.name for resource in snapshot.resources(TypeUrl.SECRET)]


def asked(snapshot: Snapshot) -> list[str]:
    named = named_in(TypeUrl.LISTENER, snapshot.resources(TypeUrl.LISTENER))
    return sorted(named.pairs | named.roots)


def api_gateway(*refs: Json, callers: str = "", namespace: str = "shop") -> Json:
    listener = {"name": "https", "port": 8443, "protocol": "HTTPS", "tls": {"certificateRefs": list(refs)}}
    spec: Json = {"gatewayClassName": "meshweb", "listeners": [listener]}
    if callers:
        validation = {"caCertificateRefs": [{"group": "", "kind": "Secret", "name": callers}]}
        spec["tls"] = {"frontend": {"default": {"validation": validation}}}
    return make.document("Gateway", "public", spec, namespace)


def istio_gateway(namespace: str = "shop", **tls: Any) -> Json:
    server = {"port": {"number": 8443, "name": "https", "protocol": "HTTPS"}, "hosts": ["*"], "tls": {"mode": "SIMPLE", **tls}}
    return make.document("IstioGateway", "edge", {"selector": {"istio": "edge"}, "servers": [server]}, namespace)


def grant(kind: str = "Gateway", namespace: str = "shop", name: str | None = None) -> Json:
    source = {"group": "gateway.networking.k8s.io", "kind": kind, "namespace": namespace}
    target = {"group": "", "kind": "Secret", **({"name": name} if name else {})}
    return make.document("ReferenceGrant", "g", {"from": [source], "to": [target]}, "certs")


TLS, ELSEWHERE = make.secret("tls", PAIR.plain), make.secret("tls", PAIR.plain, "certs")
OTHERS = make.secret("unused", PAIR.plain)
HERE, THERE = {"name": "tls"}, {"name": "tls", "namespace": "certs"}


@pytest.mark.parametrize(
    ("documents", "secrets"),
    [
        ([api_gateway(HERE), TLS, OTHERS], ["shop/tls"]),
        ([api_gateway(HERE), OTHERS], []),
        ([api_gateway(HERE), make.secret("tls", ROOTS)], []),
        ([api_gateway(THERE), ELSEWHERE], []),
        ([api_gateway(THERE), ELSEWHERE, grant()], ["certs/tls"]),
        ([api_gateway(THERE), ELSEWHERE, grant(name="tls")], ["certs/tls"]),
        ([api_gateway(THERE), ELSEWHERE, grant(name="other")], []),
        ([api_gateway(THERE), ELSEWHERE, grant(namespace="bank")], []),
        ([api_gateway(THERE), ELSEWHERE, grant(kind="HTTPRoute")], []),
        ([api_gateway(HERE, callers="ca"), TLS, make.secret("ca", ROOTS)], ["shop/ca-cacert", "shop/tls"]),
        ([api_gateway(HERE, callers="ca"), TLS, make.secret("ca-cacert", ROOTS)], ["shop/ca-cacert", "shop/tls"]),
        ([api_gateway(HERE, callers="ca"), TLS], ["shop/tls"]),
        ([istio_gateway(credentialName="tls"), TLS, OTHERS], ["shop/tls"]),
        ([istio_gateway("certs", credentialName="tls"), ELSEWHERE, grant()], []),
        (
            [istio_gateway(mode="MUTUAL", credentialName="tls"), make.secret("tls", PAIR.plain | ROOTS)],
            ["shop/tls", "shop/tls-cacert"],
        ),
        (
            [istio_gateway(mode="MUTUAL", credentialName="tls"), TLS, make.secret("tls-cacert", ROOTS)],
            ["shop/tls", "shop/tls-cacert"],
        ),
        ([istio_gateway(mode="ISTIO_MUTUAL"), TLS], []),
        ([istio_gateway(serverCertificate="/a", privateKey="/b"), TLS], []),
    ],
)
def test_what_a_gateway_is_given(documents: list[Json], secrets: list[str]) -> None:
    """And everything else that its listeners name has a name that nobody serves, or is the agent's."""
    snapshot = compiled(*documents)
    assert given(snapshot) == secrets
    left = set(asked(snapshot)) - set(secrets)
    assert all(name.startswith(("not-available/", "file-cert:")) or name in {"default", "ROOTCA"} for name in left), left
    assert asked(snapshot), "there is a listener all the same: it answers nobody, and leaves its names to nobody"


def test_a_sidecar_with_the_labels_of_a_gateway_is_given_nothing() -> None:
    assert given(compiled(api_gateway(HERE), TLS, gateway="")) == []


@pytest.mark.parametrize(
    ("policy", "values", "secrets"),
    [
        ({"mode": "MUTUAL", "credentialName": "tls"}, PAIR.plain | ROOTS, ["shop/tls", "shop/tls-cacert"]),
        ({"mode": "SIMPLE", "credentialName": "tls"}, ROOTS, ["shop/tls-cacert"]),
        ({"mode": "SIMPLE"}, ROOTS, []),
    ],
)
def test_what_a_caller_of_the_world_is_given(policy: Json, values: Json, secrets: list[str]) -> None:
    ports = [{"number": 443, "name": "http", "protocol": "HTTP"}]
    entry = {"hosts": ["api.example.com"], "location": "MESH_EXTERNAL", "resolution": "DNS", "ports": ports}
    rule = {"host": "api.example.com", "trafficPolicy": {"tls": policy}}
    documents = [
        make.document("ServiceEntry", "api", entry),
        make.document("DestinationRule", "api", rule),
        make.secret("tls", values),
    ]
    assert given(compiled(*documents, gateway="")) == secrets
    assert given(compiled(*documents, gateway="", namespace="bank")) == [], "also where the rule holds"


def test_a_name_of_both_sorts_is_neither() -> None:
    both = istio_gateway(mode="MUTUAL", credentialName="a-cacert", caCertCredentialName="a")
    documents = [make.secret("a", ROOTS), make.secret("a-cacert", PAIR.plain)]
    assert given(compiled(both, *documents)) == []


def test_nothing_prints_a_value() -> None:
    snapshot = compiled(api_gateway(HERE), TLS)
    assert PAIR.key.splitlines()[1] not in repr(snapshot)

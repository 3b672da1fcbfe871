"""Random documents of every kind that has to do with traffic, for sequences of edits: few names, so that they refer to each other,
collide, and go missing."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from meshweb.core.intent import CaptureMode, ProxyView
from tests import certificates, factories as make

Json = dict[str, Any]

SERVICES = ("a", "b", "c")
NAMESPACES = ("shop", "other")
_ISTIO, _API = "networking.istio.io/v1", "gateway.networking.k8s.io/v1"
_KEYS = '{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}'
_SECRETS = ({"ca.crt": certificates.Authority().certificate}, *(certificates.server("a").plain for _ in range(2)))
_services = st.sampled_from(SERVICES)
_namespaces = st.sampled_from(NAMESPACES)


def _document(version: str, kind: str, name: str, namespace: str, spec: Json, **metadata: Any) -> Json:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace, **metadata}, "spec": spec}


@st.composite
def service(draw: st.DrawFn) -> Json:
    ports = [
        {"name": f"p{number}", "port": number, "appProtocol": protocol}
        for number, protocol in ((80, "http"), (90, "tcp"), (91, "tls"))
        if draw(st.booleans()) or number == 80
    ]
    name = draw(_services)
    return _document("v1", "Service", name, draw(_namespaces), {"selector": {"app": name}, "ports": ports})


@st.composite
def workload(draw: st.DrawFn) -> Json:
    index = draw(st.integers(0, 3))
    labels = {"app": draw(_services), "version": draw(st.sampled_from(("v1", "v2")))}
    if index == 3 and draw(st.booleans()):
        labels |= {"istio": "edge"}
    spec = {
        "address": f"10.0.0.{draw(st.integers(1, 5))}",
        "labels": labels,
        "ports": {"p80": 8080},
        "serviceAccount": labels["app"],
        "locality": draw(st.sampled_from(("eu/a", "eu/b", "us/a"))),
        "weight": draw(st.integers(1, 3)),
    }
    upstreams = draw(st.sampled_from((None, "a", "b,other/c")))
    annotations = {"meshweb.io/upstreams": upstreams} if upstreams is not None else {}
    return _document(_ISTIO, "WorkloadEntry", f"w{index}", draw(_namespaces), spec, annotations=annotations)


@st.composite
def http_route(draw: st.DrawFn) -> Json:
    namespace = draw(_namespaces)
    parent: Json = {"group": "", "kind": "Service", "name": draw(_services), "namespace": draw(_namespaces)}
    if draw(st.booleans()):
        parent = {"name": "public"}
    backends = [{"name": draw(_services), "port": 80, "weight": draw(st.integers(0, 2)), "namespace": draw(_namespaces)}]
    matches = [{"path": {"value": draw(st.sampled_from(("/", "/x")))}}]
    spec = {"parentRefs": [parent], "rules": [{"matches": matches, "backendRefs": backends}]}
    return _document(_API, "HTTPRoute", f"h{draw(st.integers(0, 2))}", namespace, spec)


@st.composite
def tcp_route(draw: st.DrawFn) -> Json:
    parent = {"group": "", "kind": "Service", "name": draw(_services), "port": 90}
    spec = {"parentRefs": [parent], "rules": [{"backendRefs": [{"name": draw(_services), "port": 90}]}]}
    return _document("gateway.networking.k8s.io/v1alpha2", "TCPRoute", f"t{draw(st.integers(0, 1))}", draw(_namespaces), spec)


@st.composite
def virtual_service(draw: st.DrawFn) -> Json:
    name = f"v{draw(st.integers(0, 2))}"
    destination: Json = {"host": draw(st.sampled_from(("a", "b", "c.other", "nobody")))}
    if draw(st.booleans()):
        destination["subset"] = draw(st.sampled_from(("v1", "v2")))
    match = draw(
        st.sampled_from(({}, {"uri": {"prefix": "/x"}}, {"sourceLabels": {"version": "v1"}}, {"sourceNamespace": "other"}))
    )
    route: Json = {"route": [{"destination": destination}], **({"match": [match]} if match else {})}
    if draw(st.booleans()):
        return _document(_ISTIO, "VirtualService", name, draw(_namespaces), {"http": [route]})
    routes = [route]
    if draw(st.booleans()):
        routes = [{"match": [{"uri": {"prefix": "/"}}], "delegate": {"name": f"v{draw(st.integers(0, 2))}"}}]
    spec: Json = {"hosts": [draw(st.sampled_from(("a", "b", "*.other.svc.cluster.local")))], "http": routes}
    if draw(st.booleans()):
        spec |= {"gateways": ["shop/edge", "mesh"]}
    return _document(_ISTIO, "VirtualService", name, draw(_namespaces), spec)


@st.composite
def destination_rule(draw: st.DrawFn) -> Json:
    policy = draw(
        st.sampled_from(
            (
                {"loadBalancer": {"simple": "ROUND_ROBIN"}},
                {"outlierDetection": {}},
                {"loadBalancer": {"consistentHash": {"httpHeaderName": "x"}}},
                {"loadBalancer": {"localityLbSetting": {"failoverPriority": ["version"]}}, "outlierDetection": {}},
            )
        )
    )
    subsets = [{"name": name, "labels": {"version": name}} for name in draw(st.sets(st.sampled_from(("v1", "v2"))))]
    spec = {"host": draw(st.sampled_from(("a", "b", "*.shop.svc.cluster.local"))), "trafficPolicy": policy, "subsets": subsets}
    return _document(_ISTIO, "DestinationRule", f"d{draw(st.integers(0, 1))}", draw(_namespaces), spec)


_targets = st.one_of(
    _services.map(lambda name: {"kind": "Service", "name": name}),
    st.sampled_from(("h0", "h1", "h2")).map(
        lambda name: {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": name}
    ),
    st.just({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public"}),
)


@st.composite
def policy(draw: st.DrawFn) -> Json:
    source = draw(
        st.sampled_from(
            (
                {"namespaces": [draw(_namespaces)]},
                {"requestPrincipals": ["https://a.example/*"]},
                {"remoteIpBlocks": ["10.0.0.0/8"]},
            )
        )
    )
    spec: Json = {"rules": [{"from": [{"source": source}]}]}
    if draw(st.booleans()):
        spec["selector"] = {"matchLabels": {"app": draw(_services)}}
    elif draw(st.booleans()):
        spec["targetRefs"] = [draw(_targets)]
    if draw(st.booleans()):
        spec |= {"action": "CUSTOM", "provider": {"name": draw(st.sampled_from(("asked", "other")))}}
    name, namespace = f"p{draw(st.integers(0, 1))}", draw(st.sampled_from((*NAMESPACES, "istio-system")))
    return _document("security.istio.io/v1", "AuthorizationPolicy", name, namespace, spec)


def _check(draw: st.DrawFn) -> Json:
    return {
        "targetRefs": [{"name": draw(_services)}],
        draw(st.sampled_from(("http", "tcp"))): {},
        "panicThreshold": draw(st.sampled_from((0, 50))),
    }


_token_rules = st.fixed_dictionaries(
    {"issuer": st.sampled_from(("https://a.example", "https://b.example")), "jwks": st.just(_KEYS)},
    optional={"fromParams": st.just(["jwt"]), "forwardOriginalToken": st.booleans()},
)


@st.composite
def others(draw: st.DrawFn) -> Json:
    """Documents whose change has everything compiled anew."""
    namespace = draw(_namespaces)
    listener = {"name": "http", "port": 8080, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
    tls = {"certificateRefs": [{"name": "tls", "namespace": namespace}]}
    secure = {"name": "https", "port": 8443, "protocol": "HTTPS", "tls": tls}
    server = {"port": {"number": 8081, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    grant = {"from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "shop"}]}
    entry = {"hosts": ["api.example.com"], "resolution": "DNS", "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}]}
    authority = {"host": "api.example.com", "trafficPolicy": {"tls": {"mode": "SIMPLE", "credentialName": "tls"}}}
    providers = [
        {"name": name, "envoyExtAuthzHttp": {"service": f"{draw(_services)}.shop", "port": 80}} for name in ("asked", "other")
    ]
    made = (
        make.document("MeshConfig", "default", {"extensionProviders": providers[: draw(st.integers(0, 2))]}),
        make.secret("tls", draw(st.sampled_from(_SECRETS)), namespace),
        _document(_ISTIO, "DestinationRule", "tls", namespace, authority),
        _document(_API, "Gateway", "public", "shop", {"gatewayClassName": "meshweb", "listeners": [listener, secure]}),
        _document(_ISTIO, "Gateway", "edge", "shop", {"selector": {"app": "a"}, "servers": [server]}),
        _document(_ISTIO, "Sidecar", "default", namespace, {"egress": [{"hosts": ["./*"]}]}),
        _document(
            "gateway.networking.k8s.io/v1beta1",
            "ReferenceGrant",
            "g",
            "other",
            {**grant, "to": [{"group": "", "kind": "Service"}]},
        ),
        _document(_ISTIO, "ServiceEntry", "out", namespace, entry),
        _document("meshweb.io/v1", "HealthCheck", f"h{draw(st.integers(0, 1))}", namespace, _check(draw)),
        _document(
            "security.istio.io/v1", "RequestAuthentication", "users", draw(_namespaces), {"jwtRules": [draw(_token_rules)]}
        ),
    )
    return draw(st.sampled_from(made))


_modes = st.builds(lambda mode: {"mode": mode}, st.sampled_from(("UNSET", "STRICT", "PERMISSIVE", "DISABLE", "DISABLE")))


@st.composite
def peer_authentication(draw: st.DrawFn) -> Json:
    spec: Json = {"mtls": draw(_modes)}
    if draw(st.booleans()):
        spec["selector"] = {"matchLabels": draw(st.sampled_from(({"app": "a"}, {"version": "v1"})))}
        spec["portLevelMtls"] = draw(st.dictionaries(st.sampled_from(("8080", "90")), _modes))
    name, namespace = draw(st.sampled_from(("default", "own"))), draw(st.sampled_from((*NAMESPACES, "istio-system")))
    return _document("security.istio.io/v1", "PeerAuthentication", name, namespace, spec)


documents = st.one_of(
    service(), workload(), workload(), http_route(), http_route(), tcp_route(), virtual_service(), virtual_service(),
    destination_rule(), policy(), peer_authentication(), others(),
)  # fmt: skip
"""What may come, or take the place of one of its name."""

PROXIES = {
    f"{namespace}/w{index}": ProxyView(namespace, f"w{index}", mode, "127.9.0.1", gateway="public" if index == 3 else "")
    for namespace in NAMESPACES
    for index, mode in enumerate((CaptureMode.EXPLICIT, CaptureMode.LOOPBACK, CaptureMode.PROXY, CaptureMode.EXPLICIT))
}


@st.composite
def edits(draw: st.DrawFn) -> Json:
    """One step: documents that come or change, one that goes, a probe, a proxy that leaves or comes back."""
    return {
        "put": draw(st.lists(documents, max_size=2)),
        "drop": draw(st.integers(0, 30)) if draw(st.booleans()) else None,
        "unhealthy": draw(st.sets(st.sampled_from(sorted(PROXIES)), max_size=2)),
        "away": draw(st.sets(st.sampled_from(sorted(PROXIES)), max_size=1)),
    }

"""Random small meshes, as documents."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from meshweb.core.intent import CaptureMode, ProxyView

Json = dict[str, Any]
_NAMES = ("a", "b", "c", "d")


def _document(version: str, kind: str, name: str, spec: Json) -> Json:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


@st.composite
def services(draw: st.DrawFn) -> list[Json]:
    found = []
    for name in draw(st.lists(st.sampled_from(_NAMES), unique=True, min_size=1)):
        protocol = draw(st.sampled_from(("http", "grpc", "tcp")))
        spec = {"selector": {"app": name}, "ports": [{"name": "p", "port": 8080, "appProtocol": protocol}]}
        found.append(_document("v1", "Service", name, spec))
    return found


@st.composite
def workloads(draw: st.DrawFn) -> list[Json]:
    found = []
    for index in range(draw(st.integers(0, 5))):
        app = draw(st.sampled_from(_NAMES))
        spec = {"address": f"127.9.0.{index + 1}", "labels": {"app": app}, "ports": {"p": 9000}, "serviceAccount": app}
        found.append(_document("networking.istio.io/v1", "WorkloadEntry", f"w{index}", spec))
    return found


_MATCH = st.fixed_dictionaries(
    {},
    optional={
        "path": st.builds(
            lambda kind, value: {"type": kind, "value": value},
            st.sampled_from(("Exact", "PathPrefix")),
            st.sampled_from(("/", "/x", "/x/y", "/z")),
        ),
        "method": st.sampled_from(("GET", "POST")),
        "headers": st.just([{"name": "x-env", "value": "test"}]),
    },
)


@st.composite
def routes(draw: st.DrawFn) -> list[Json]:
    found = []
    for index in range(draw(st.integers(0, 3))):
        refs = draw(
            st.lists(
                st.builds(
                    lambda n, w: {"name": n, "port": 8080, "weight": w}, st.sampled_from((*_NAMES, "ghost")), st.integers(0, 9)
                ),
                max_size=3,
                unique_by=lambda ref: ref["name"],
            )
        )
        matches = draw(st.lists(_MATCH, max_size=2, unique_by=repr))
        parent = {"group": "", "kind": "Service", "name": draw(st.sampled_from(_NAMES)), "port": 8080}
        spec = {"parentRefs": [parent], "rules": [{"matches": matches, "backendRefs": refs}]}
        found.append(_document("gateway.networking.k8s.io/v1", "HTTPRoute", f"r{index}", spec))
    return found


@st.composite
def policies(draw: st.DrawFn) -> list[Json]:
    found = []
    for index in range(draw(st.integers(0, 3))):
        source = {"source": {"principals": [f"cluster.local/ns/shop/sa/{draw(st.sampled_from(_NAMES))}"]}}
        spec: Json = {"action": draw(st.sampled_from(("ALLOW", "DENY"))), "rules": [{"from": [source]}]}
        if draw(st.booleans()):
            spec["selector"] = {"matchLabels": {"app": draw(st.sampled_from(_NAMES))}}
        found.append(_document("security.istio.io/v1", "AuthorizationPolicy", f"p{index}", spec))
    return found


@st.composite
def meshes(draw: st.DrawFn) -> list[Json]:
    return [*draw(services()), *draw(workloads()), *draw(routes()), *draw(policies())]


def views() -> dict[str, ProxyView]:
    """Proxies of all modes; the workloads may or may not exist."""
    modes = (CaptureMode.EXPLICIT, CaptureMode.LOOPBACK, CaptureMode.PROXY)
    return {f"shop/w{i}": ProxyView("shop", f"w{i}", mode, f"127.9.0.{i + 1}") for i, mode in enumerate(modes)}

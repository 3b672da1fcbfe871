"""Istio `networking.istio.io/v1` Sidecar: what proxies receive and open."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.sidecar.apply import apply
from meshweb.kinds.sidecar.spec import SidecarSpec, check

SIDECAR = Kind(
    api_version="networking.istio.io/v1",
    older_versions=(
        "networking.istio.io/v1beta1",
        "networking.istio.io/v1alpha3",
    ),
    kind="Sidecar",
    plural="sidecars",
    short_names=("sc",),
    phase=Phase.SIDECARS,
    spec=SidecarSpec,
    apply=apply,
    check=check,
    summary="What proxies receive and open.",
    example={
        "apiVersion": "networking.istio.io/v1",
        "kind": "Sidecar",
        "metadata": {"name": "default", "namespace": "shop"},
        "spec": {"egress": [{"hosts": ["./*", "payments/*"]}], "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}},
    },
)

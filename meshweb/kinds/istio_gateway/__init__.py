"""Istio `networking.istio.io/v1` Gateway: what gateway proxies open to callers outside the mesh."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.istio_gateway.apply import apply, references
from meshweb.kinds.istio_gateway.spec import IstioGatewaySpec, check

ISTIO_GATEWAY = Kind(
    api_version="networking.istio.io/v1",
    older_versions=(
        "networking.istio.io/v1beta1",
        "networking.istio.io/v1alpha3",
    ),
    kind="IstioGateway",
    written="Gateway",
    plural="istiogateways",
    short_names=("igw",),
    phase=Phase.GATEWAYS,
    spec=IstioGatewaySpec,
    apply=apply,
    check=check,
    references=references,
    summary="What gateway proxies open to callers outside the mesh (Istio's Gateway).",
    example={
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "public", "namespace": "shop"},
        "spec": {
            "selector": {"istio": "ingressgateway"},
            "servers": [{"port": {"number": 8080, "name": "http", "protocol": "HTTP"}, "hosts": ["shop.example.com"]}],
        },
    },
)

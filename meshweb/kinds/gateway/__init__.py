"""Gateway API `gateway.networking.k8s.io/v1` Gateway: what a gateway proxy opens to callers outside the mesh."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.gateway.apply import apply, references
from meshweb.kinds.gateway.check import check
from meshweb.kinds.gateway.spec import GatewaySpec

GATEWAY = Kind(
    api_version="gateway.networking.k8s.io/v1",
    older_versions=("gateway.networking.k8s.io/v1beta1",),
    kind="Gateway",
    plural="gateways",
    short_names=("gtw",),
    phase=Phase.GATEWAYS,
    spec=GatewaySpec,
    apply=apply,
    check=check,
    references=references,
    summary="What a gateway proxy opens to callers outside the mesh.",
    example={
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "public", "namespace": "shop"},
        "spec": {
            "gatewayClassName": "meshweb",
            "listeners": [
                {
                    "name": "https",
                    "port": 8443,
                    "protocol": "HTTPS",
                    "hostname": "shop.example.com",
                    "tls": {"certificateRefs": [{"name": "shop-tls"}]},
                }
            ],
        },
    },
)

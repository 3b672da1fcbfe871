"""Gateway API `gateway.networking.k8s.io/v1` GRPCRoute: how gRPC calls are matched, changed and split."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.grpc_route.apply import apply, references
from meshweb.kinds.grpc_route.check import check
from meshweb.kinds.grpc_route.spec import GRPCRouteSpec

GRPC_ROUTE = Kind(
    api_version="gateway.networking.k8s.io/v1",
    older_versions=("gateway.networking.k8s.io/v1alpha2",),
    kind="GRPCRoute",
    plural="grpcroutes",
    phase=Phase.ROUTES,
    independent=True,
    spec=GRPCRouteSpec,
    apply=apply,
    check=check,
    references=references,
    summary="How gRPC calls are matched, changed and split.",
    example={
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GRPCRoute",
        "metadata": {"name": "payments", "namespace": "shop"},
        "spec": {
            "parentRefs": [{"group": "", "kind": "Service", "name": "payments", "port": 9000}],
            "rules": [
                {
                    "matches": [{"method": {"service": "shop.Payments", "method": "Pay"}}],
                    "backendRefs": [{"name": "payments-v2", "port": 9000}],
                }
            ],
        },
    },
)

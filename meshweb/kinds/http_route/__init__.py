"""Gateway API `gateway.networking.k8s.io/v1` HTTPRoute, attached to services (mesh traffic, GAMMA)."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.http_route.apply import apply, references
from meshweb.kinds.http_route.check import check
from meshweb.kinds.http_route.spec import HTTPRouteSpec

HTTP_ROUTE = Kind(
    api_version="gateway.networking.k8s.io/v1",
    older_versions=("gateway.networking.k8s.io/v1beta1",),
    kind="HTTPRoute",
    plural="httproutes",
    phase=Phase.ROUTES,
    independent=True,
    spec=HTTPRouteSpec,
    apply=apply,
    check=check,
    references=references,
    summary="How calls to a service are matched, changed, split and timed.",
    example={
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "payments", "namespace": "shop"},
        "spec": {
            "parentRefs": [{"group": "", "kind": "Service", "name": "payments", "port": 8080}],
            "rules": [
                {
                    "backendRefs": [
                        {"name": "payments-v1", "port": 8080, "weight": 90},
                        {"name": "payments-v2", "port": 8080, "weight": 10},
                    ]
                }
            ],
        },
    },
)

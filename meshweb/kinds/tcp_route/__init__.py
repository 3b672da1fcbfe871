"""Gateway API `gateway.networking.k8s.io/v1alpha2` TCPRoute: where connections go."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.tcp_route.apply import apply, references
from meshweb.kinds.tcp_route.spec import TCPRouteSpec, check

TCP_ROUTE = Kind(
    api_version="gateway.networking.k8s.io/v1alpha2",
    older_versions=("gateway.networking.k8s.io/v1",),
    kind="TCPRoute",
    plural="tcproutes",
    phase=Phase.ROUTES,
    independent=True,
    spec=TCPRouteSpec,
    apply=apply,
    check=check,
    references=references,
    summary="Where connections go.",
    example={
        "apiVersion": "gateway.networking.k8s.io/v1alpha2",
        "kind": "TCPRoute",
        "metadata": {"name": "db", "namespace": "shop"},
        "spec": {
            "parentRefs": [{"group": "", "kind": "Service", "name": "db", "port": 5432}],
            "rules": [
                {"backendRefs": [{"name": "db-v1", "port": 5432, "weight": 90}, {"name": "db-v2", "port": 5432, "weight": 10}]}
            ],
        },
    },
)

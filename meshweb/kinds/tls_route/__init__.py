"""Gateway API `gateway.networking.k8s.io/v1` TLSRoute: where TLS connections go, by server name."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.tls_route.apply import apply, references
from meshweb.kinds.tls_route.spec import TLSRouteSpec, check

TLS_ROUTE = Kind(
    api_version="gateway.networking.k8s.io/v1",
    older_versions=(
        "gateway.networking.k8s.io/v1alpha3",
        "gateway.networking.k8s.io/v1alpha2",
    ),
    kind="TLSRoute",
    plural="tlsroutes",
    phase=Phase.ROUTES,
    independent=True,
    spec=TLSRouteSpec,
    apply=apply,
    check=check,
    references=references,
    summary="Where TLS connections go, by server name.",
    example={
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "TLSRoute",
        "metadata": {"name": "db", "namespace": "shop"},
        "spec": {
            "parentRefs": [{"name": "public"}],
            "hostnames": ["db.example.com"],
            "rules": [{"backendRefs": [{"name": "db", "port": 5432}]}],
        },
    },
)

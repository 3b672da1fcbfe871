"""Istio `networking.istio.io/v1` ServiceEntry: hosts outside the mesh, or inside it without a Service."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.service_entry.apply import apply, serves
from meshweb.kinds.service_entry.check import check
from meshweb.kinds.service_entry.spec import ServiceEntrySpec

SERVICE_ENTRY = Kind(
    api_version="networking.istio.io/v1",
    older_versions=(
        "networking.istio.io/v1beta1",
        "networking.istio.io/v1alpha3",
    ),
    kind="ServiceEntry",
    plural="serviceentries",
    short_names=("se",),
    phase=Phase.SERVICES,
    spec=ServiceEntrySpec,
    apply=apply,
    check=check,
    serves=serves,
    summary="Hosts outside the mesh, or inside it without a Service.",
    example={
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": "example-api", "namespace": "shop"},
        "spec": {
            "hosts": ["api.example.com"],
            "location": "MESH_EXTERNAL",
            "resolution": "DNS",
            "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}],
        },
    },
)

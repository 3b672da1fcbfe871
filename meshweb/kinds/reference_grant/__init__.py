"""Gateway API `gateway.networking.k8s.io/v1beta1` ReferenceGrant: documents of other namespaces may refer to what is in this one."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.reference_grant.apply import apply
from meshweb.kinds.reference_grant.spec import ReferenceGrantSpec

REFERENCE_GRANT = Kind(
    api_version="gateway.networking.k8s.io/v1beta1",
    older_versions=("gateway.networking.k8s.io/v1",),
    kind="ReferenceGrant",
    plural="referencegrants",
    short_names=("refgrant",),
    phase=Phase.NAMESPACES,
    spec=ReferenceGrantSpec,
    apply=apply,
    summary="Documents of other namespaces may refer to what is in this one.",
    example={
        "apiVersion": "gateway.networking.k8s.io/v1beta1",
        "kind": "ReferenceGrant",
        "metadata": {"name": "from-web", "namespace": "shop"},
        "spec": {
            "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "web"}],
            "to": [{"group": "", "kind": "Service", "name": "payments"}],
        },
    },
)

"""Istio `security.istio.io/v1` PeerAuthentication: whether a workload takes calls without mTLS."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.peer_authentication.apply import apply, fail_closed
from meshweb.kinds.peer_authentication.spec import PeerAuthenticationSpec, check

PEER_AUTHENTICATION = Kind(
    api_version="security.istio.io/v1",
    older_versions=("security.istio.io/v1beta1",),
    kind="PeerAuthentication",
    plural="peerauthentications",
    phase=Phase.SECURITY,
    spec=PeerAuthenticationSpec,
    apply=apply,
    check=check,
    fail_closed=fail_closed,
    summary="Whether workloads take calls without mTLS (PERMISSIVE), only with it (STRICT), or are called without (DISABLE).",
    example={
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": "shop"},
        "spec": {"mtls": {"mode": "STRICT"}},
    },
)

"""Kubernetes `v1` Secret, for the certificates of gateways and of calls to servers outside the mesh. Write-only."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.secret.apply import apply
from meshweb.kinds.secret.spec import SecretSpec, check

SECRET = Kind(
    api_version="v1",
    kind="Secret",
    plural="secrets",
    phase=Phase.SECRETS,
    spec=SecretSpec,
    apply=apply,
    check=check,
    top_level=("type", "data", "stringData"),
    write_only=("data", "stringData"),
    summary="A certificate with its key, or authorities that callers are verified by. Values are never shown again.",
    example={
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "shop-tls", "namespace": "shop"},
        "type": "kubernetes.io/tls",
        "data": {"tls.crt": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t…", "tls.key": "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t…"},
    },
)

"""Istio `security.istio.io/v1` RequestAuthentication: whose tokens of end users a workload takes."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.request_authentication.apply import apply, fail_closed
from meshweb.kinds.request_authentication.spec import RequestAuthenticationSpec, check, key_sources

__all__ = ["REQUEST_AUTHENTICATION", "key_sources"]

REQUEST_AUTHENTICATION = Kind(
    api_version="security.istio.io/v1",
    older_versions=("security.istio.io/v1beta1",),
    kind="RequestAuthentication",
    plural="requestauthentications",
    short_names=("ra",),
    phase=Phase.SECURITY,
    spec=RequestAuthenticationSpec,
    apply=apply,
    check=check,
    fail_closed=fail_closed,
    summary="Whose tokens (JWT) workloads take: issuers, their keys, and where a token stands in a request.",
    example={
        "apiVersion": "security.istio.io/v1",
        "kind": "RequestAuthentication",
        "metadata": {"name": "customers", "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "payments"}},
            "jwtRules": [
                {
                    "issuer": "https://login.example.com",
                    "audiences": ["payments"],
                    "jwks": '{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"2026",'
                    '"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}',
                }
            ],
        },
    },
)

"""Istio `security.istio.io/v1` AuthorizationPolicy: who may call what."""

from meshweb.core.builder import Phase
from meshweb.kinds.authorization_policy.apply import apply, fail_closed, references
from meshweb.kinds.authorization_policy.spec import AuthorizationPolicySpec, check
from meshweb.kinds.base import Kind

AUTHORIZATION_POLICY = Kind(
    api_version="security.istio.io/v1",
    older_versions=("security.istio.io/v1beta1",),
    kind="AuthorizationPolicy",
    plural="authorizationpolicies",
    phase=Phase.SECURITY,
    independent=True,
    spec=AuthorizationPolicySpec,
    apply=apply,
    check=check,
    references=references,
    fail_closed=fail_closed,
    summary="Who may call what: ALLOW and DENY by caller, operation and further conditions.",
    example={
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "payments-callers", "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "payments"}},
            "action": "ALLOW",
            "rules": [
                {
                    "from": [{"source": {"principals": ["cluster.local/ns/shop/sa/checkout"]}}],
                    "to": [{"operation": {"methods": ["GET", "POST"], "paths": ["/charge*"]}}],
                }
            ],
        },
    },
)

"""`meshweb.io/v1` RateLimit: how often requests may come."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.rate_limit.apply import apply, references
from meshweb.kinds.rate_limit.spec import RateLimitSpec, check

RATE_LIMIT = Kind(
    api_version="meshweb.io/v1",
    kind="RateLimit",
    plural="ratelimits",
    short_names=("rl",),
    phase=Phase.LIMITS,
    spec=RateLimitSpec,
    apply=apply,
    check=check,
    references=references,
    summary="How often requests may come, in all, by caller or by header.",
    example={
        "apiVersion": "meshweb.io/v1",
        "kind": "RateLimit",
        "metadata": {"name": "payments", "namespace": "shop"},
        "spec": {
            "targetRefs": [{"name": "payments"}],
            "limits": [{"name": "per-caller", "requests": 100, "per": "1s", "by": [{"callerIdentity": True}]}],
        },
    },
)

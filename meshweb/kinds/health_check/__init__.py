"""`meshweb.io/v1` HealthCheck: how callers ask endpoints whether they answer."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.health_check.apply import apply, references
from meshweb.kinds.health_check.spec import HealthCheckSpec, check

HEALTH_CHECK = Kind(
    api_version="meshweb.io/v1",
    kind="HealthCheck",
    plural="healthchecks",
    short_names=("hc",),
    phase=Phase.DESTINATIONS,
    spec=HealthCheckSpec,
    apply=apply,
    check=check,
    references=references,
    summary="How callers ask the endpoints of a service whether they answer, and when they stop calling one.",
    example={
        "apiVersion": "meshweb.io/v1",
        "kind": "HealthCheck",
        "metadata": {"name": "payments", "namespace": "shop"},
        "spec": {
            "targetRefs": [{"name": "payments"}],
            "http": {"path": "/healthz"},
            "interval": "5s",
            "unhealthyThreshold": 2,
        },
    },
)

"""Istio `networking.istio.io/v1` DestinationRule: how callers balance, limit and secure calls to a host; its subsets."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.destination_rule.apply import apply, references
from meshweb.kinds.destination_rule.check import check
from meshweb.kinds.destination_rule.spec import DestinationRuleSpec

DESTINATION_RULE = Kind(
    api_version="networking.istio.io/v1",
    older_versions=(
        "networking.istio.io/v1beta1",
        "networking.istio.io/v1alpha3",
    ),
    kind="DestinationRule",
    plural="destinationrules",
    short_names=("dr",),
    phase=Phase.DESTINATIONS,
    spec=DestinationRuleSpec,
    apply=apply,
    check=check,
    references=references,
    summary="How callers balance, limit and secure calls to a host; its subsets.",
    example={
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "reviews", "namespace": "shop"},
        "spec": {
            "host": "reviews",
            "trafficPolicy": {
                "outlierDetection": {"consecutive5xxErrors": 5, "interval": "10s"},
                "connectionPool": {"http": {"http2MaxRequests": 100}},
            },
            "subsets": [{"name": "v1", "labels": {"version": "v1"}}, {"name": "v2", "labels": {"version": "v2"}}],
        },
    },
)

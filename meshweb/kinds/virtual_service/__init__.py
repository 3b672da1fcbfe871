"""Istio `networking.istio.io/v1` VirtualService: how calls to hosts are matched, changed, split and timed."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.virtual_service.apply import apply, references
from meshweb.kinds.virtual_service.check import check
from meshweb.kinds.virtual_service.spec import VirtualServiceSpec

VIRTUAL_SERVICE = Kind(
    api_version="networking.istio.io/v1",
    older_versions=(
        "networking.istio.io/v1beta1",
        "networking.istio.io/v1alpha3",
    ),
    kind="VirtualService",
    plural="virtualservices",
    short_names=("vs",),
    phase=Phase.ROUTES,
    independent=True,
    spec=VirtualServiceSpec,
    apply=apply,
    check=check,
    references=references,
    summary="How calls to hosts are matched, changed, split and timed.",
    example={
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "reviews", "namespace": "shop"},
        "spec": {
            "hosts": ["reviews"],
            "http": [
                {
                    "match": [{"headers": {"end-user": {"exact": "jason"}}}],
                    "route": [{"destination": {"host": "reviews", "subset": "v2"}}],
                },
                {
                    "route": [{"destination": {"host": "reviews", "subset": "v1"}}],
                    "timeout": "2s",
                    "retries": {"attempts": 3, "perTryTimeout": "500ms"},
                },
            ],
        },
    },
)

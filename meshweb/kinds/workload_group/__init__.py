"""Istio `networking.istio.io/v1` WorkloadGroup: the template for VMs that join."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.workload_group.apply import apply
from meshweb.kinds.workload_group.spec import WorkloadGroupSpec, check

WORKLOAD_GROUP = Kind(
    api_version="networking.istio.io/v1",
    older_versions=("networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"),
    kind="WorkloadGroup",
    plural="workloadgroups",
    phase=Phase.WORKLOADS,
    spec=WorkloadGroupSpec,
    apply=apply,
    check=check,
    summary="The template for VMs that join: labels, identity, ports and the probe of the application.",
    example={
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadGroup",
        "metadata": {"name": "payments-v2", "namespace": "shop"},
        "spec": {
            "metadata": {"labels": {"app": "payments", "version": "v2"}},
            "template": {"serviceAccount": "payments", "ports": {"http": 8080}},
            "probe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5},
        },
    },
)

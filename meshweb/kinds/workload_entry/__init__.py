"""Istio `networking.istio.io/v1` WorkloadEntry: one running instance."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.workload_entry.apply import apply
from meshweb.kinds.workload_entry.spec import WorkloadEntrySpec, check

WORKLOAD_ENTRY = Kind(
    api_version="networking.istio.io/v1",
    older_versions=("networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"),
    kind="WorkloadEntry",
    plural="workloadentries",
    phase=Phase.WORKLOADS,
    independent=True,
    spec=WorkloadEntrySpec,
    apply=apply,
    check=check,
    summary="One running instance: its address, labels, ports and identity. Joining VMs make theirs themselves.",
    example={
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadEntry",
        "metadata": {"name": "payments-v2-1", "namespace": "shop"},
        "spec": {
            "address": "10.0.0.12",
            "labels": {"app": "payments", "version": "v2"},
            "ports": {"http": 8080},
            "serviceAccount": "payments",
        },
    },
)

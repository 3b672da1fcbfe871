"""Kubernetes `v1` Service: a name, its ports, and the workloads behind it by label."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.service.apply import apply
from meshweb.kinds.service.spec import ServiceSpec, check, serves

SERVICE = Kind(
    api_version="v1",
    kind="Service",
    plural="services",
    phase=Phase.SERVICES,
    spec=ServiceSpec,
    apply=apply,
    check=check,
    serves=serves,
    summary="A name, its ports, and the workloads behind it by label.",
    example={
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "payments", "namespace": "shop"},
        "spec": {"selector": {"app": "payments"}, "ports": [{"name": "http", "port": 8080, "appProtocol": "http"}]},
    },
)

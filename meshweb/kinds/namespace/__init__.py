"""Kubernetes `v1` Namespace: a scope of names, policies and identities."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.namespace.apply import apply
from meshweb.kinds.namespace.spec import NamespaceSpec

NAMESPACE = Kind(
    api_version="v1",
    kind="Namespace",
    plural="namespaces",
    namespaced=False,
    phase=Phase.NAMESPACES,
    spec=NamespaceSpec,
    apply=apply,
    summary="A scope of names, policies and identities.",
    example={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
)

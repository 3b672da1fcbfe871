"""For which workloads a security document of Istio holds: those of its namespace with the labels of its `selector`, or what its
`targetRefs` name (Istio, PolicyTargetReference)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from meshweb.core.builder import MeshBuilder
from meshweb.core.errors import Violation, pointer
from meshweb.core.intent import Document
from meshweb.kinds.base import Labels, SpecModel

_GROUPS = {
    "Service": ("", "core"),
    "ServiceEntry": ("networking.istio.io",),
    "Gateway": ("gateway.networking.k8s.io",),
    "HTTPRoute": ("gateway.networking.k8s.io",),
    "GRPCRoute": ("gateway.networking.k8s.io",),
}
MAX_TARGETS = 16


class Selector(SpecModel):
    match_labels: Labels = Field(default_factory=dict)


class TargetRef(SpecModel):
    """Of the document's own namespace."""

    group: Literal["", "core", "gateway.networking.k8s.io", "networking.istio.io"] = ""
    kind: Literal["Service", "ServiceEntry", "Gateway", "HTTPRoute", "GRPCRoute"]
    name: Annotated[str, Field(max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
    namespace: str | None = None


TargetRefs = Annotated[tuple[TargetRef, ...], Field(min_length=1, max_length=MAX_TARGETS)]


def selector_violations(selector: Selector | None) -> Iterator[Violation]:
    if selector is not None and not selector.match_labels:
        words = "must name a label; leave selector out to cover the namespace"
        yield Violation("/spec/selector/matchLabels", "required", words)


def target_violations(namespace: str, selector: Selector | None, refs: tuple[TargetRef, ...] | None) -> Iterator[Violation]:
    """namespace: of the document."""
    if refs is None:
        return
    if selector is not None:
        yield Violation("/spec/targetRefs", "conflict", "must not stand beside selector: a policy holds by labels or by names")
    for index, ref in enumerate(refs):
        at = ("spec", "targetRefs", index)
        if ref.group not in _GROUPS[ref.kind]:
            yield Violation(pointer(*at, "group"), "conflict", f"must be {_GROUPS[ref.kind][0] or 'empty'} for a {ref.kind}")
        if ref.namespace not in {None, namespace}:
            words = f"must be {namespace}, the policy's own, or left out: write a policy in {ref.namespace} for what is there"
            yield Violation(pointer(*at, "namespace"), "conflict", words)
        if (ref.kind, ref.name) in {(other.kind, other.name) for other in refs[:index]}:
            yield Violation(pointer(*at), "duplicate", f"{ref.kind} {ref.name} is named twice")


def labels_of(selector: Selector | None) -> frozenset[tuple[str, str]]:
    return frozenset(selector.match_labels.items()) if selector is not None else frozenset()


def scope_of(mesh: MeshBuilder, document: Document) -> str:
    """A namespace; empty: the mesh, for documents of the root namespace."""
    return "" if document.namespace == mesh.settings.root_namespace else document.namespace

"""For which workloads a security document of Istio holds: those of its namespace with the labels of its `selector`."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from meshweb.core.builder import MeshBuilder
from meshweb.core.errors import Violation
from meshweb.core.intent import Document
from meshweb.kinds.base import Labels, SpecModel


class Selector(SpecModel):
    match_labels: Labels = Field(default_factory=dict)


def selector_violations(selector: Selector | None) -> Iterator[Violation]:
    if selector is not None and not selector.match_labels:
        words = "must name a label; leave selector out to cover the namespace"
        yield Violation("/spec/selector/matchLabels", "required", words)


def labels_of(selector: Selector | None) -> frozenset[tuple[str, str]]:
    return frozenset(selector.match_labels.items()) if selector is not None else frozenset()


def scope_of(mesh: MeshBuilder, document: Document) -> str:
    """A namespace; empty: the mesh, for documents of the root namespace."""
    return "" if document.namespace == mesh.settings.root_namespace else document.namespace

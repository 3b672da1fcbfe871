"""Policies with `targetRefs` (GEP-713) of which the oldest holds: what they point to, and what became of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Protocol

from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.errors import pointer
from meshweb.core.intent import Document, DocumentKey
from meshweb.kinds.base import Reference


class Target(Protocol):
    """In the document's own namespace."""

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...


def target_references(document: Document, refs: Iterable[Target]) -> Iterator[Reference]:
    for index, ref in enumerate(refs):
        yield Reference(DocumentKey(ref.kind, document.namespace, ref.name), pointer("spec", "targetRefs", index))


def report_targets(mesh: MeshBuilder, document: Document, holding: Collection[DocumentKey], refusals: Sequence[str]) -> None:
    """holding: the documents that hold on the targets, this one or older ones. refusals: why a target has none."""
    words = "; ".join(refusals)
    mesh.report(document, Condition.accepted(words) if holding else Condition.not_accepted("TargetNotFound", words))
    older = min((key for key in holding if key != document.key), default=None)
    if older is not None:
        words = f"{older} is older and holds where both name the same target"
        mesh.report(document, Condition.conflicted("PolicyConflict", words))

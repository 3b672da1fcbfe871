"""Names and namespaces in documents of Istio."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meshweb.core.intent import Document, DocumentKey
from meshweb.core.ir.services import Namespaces
from meshweb.kinds.base import Reference


def visible_in(export_to: Sequence[str], namespace: str) -> Namespaces:
    """`*` or nothing: everywhere; `.`: in the document's own namespace; `~`: nowhere."""
    if not export_to or "*" in export_to:
        return None
    return frozenset(namespace if name == "." else name for name in export_to if name != "~")


def service_reference(document: Document, host: str, at: str) -> Iterable[Reference]:
    """To the Service that a name of one to five labels means. Hosts of the world lead to no document that could be named."""
    labels = host.lower().rstrip(".").split(".")
    if host.startswith("*"):
        return
    if len(labels) == 1:
        yield Reference(DocumentKey("Service", document.namespace, labels[0]), at)
    elif len(labels) == 2 or labels[2] == "svc":
        yield Reference(DocumentKey("Service", labels[1], labels[0]), at)

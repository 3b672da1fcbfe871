"""A namespace makes itself known."""

from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.intent import Document


def apply(mesh: MeshBuilder, document: Document) -> None:
    mesh.namespaces[document.name] = document.labels
    mesh.report(document, Condition.accepted())

"""A group changes no traffic by itself; it is what joining VMs are made from."""

from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.intent import Document


def apply(mesh: MeshBuilder, document: Document) -> None:
    mesh.groups[document.namespace, document.name] = document
    mesh.report(document, Condition.accepted())

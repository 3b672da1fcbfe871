"""Namespace has no spec of its own."""

from meshweb.kinds.base import SpecModel


class NamespaceSpec(SpecModel):
    """Empty: labels in the metadata are all a namespace says."""

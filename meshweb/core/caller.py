"""Who calls, as far as the answer to "what does it see?" depends on it."""

from __future__ import annotations

from dataclasses import dataclass

from meshweb.core.ir.routing import Callers
from meshweb.core.ir.services import Labels


@dataclass(frozen=True, slots=True)
class Caller:
    """Callers that are equal see the same, and share what is compiled for them.

    labels: only those that some document asks about. locality: empty where no destination is balanced by it.
    """

    namespace: str
    labels: Labels = frozenset()
    locality: str = ""

    def is_one_of(self, callers: Callers) -> bool:
        return (not callers.namespace or callers.namespace == self.namespace) and callers.labels <= self.labels

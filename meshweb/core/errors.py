"""What can be wrong with a document, said so that its author can mend it.

MeshwebError
├── InvalidDocument   one or more violations, each with the exact place
└── CompileError      an accepted document that cannot be turned into configuration
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong. `pointer` is an RFC 6901 JSON pointer inside the document, `code` is stable, `detail` says what must hold."""

    pointer: str
    code: str
    detail: str


class MeshwebError(Exception):
    """Root of the errors that the pure core raises."""


class InvalidDocument(MeshwebError):
    """The document is refused; nothing was changed."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations: tuple[Violation, ...] = tuple(violations)
        super().__init__("; ".join(f"{v.pointer}: {v.detail}" for v in self.violations))


class CompileError(MeshwebError):
    """An accepted document could not be compiled; the message becomes its condition."""


def pointer(*parts: str | int) -> str:
    """JSON pointer of `parts` (RFC 6901: `~` and `/` inside a part are escaped)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def under(prefix: Sequence[str | int], violations: Iterable[Violation]) -> list[Violation]:
    """The same violations, seen from the document whose part at `prefix` they are about."""
    head = pointer(*prefix)
    return [Violation(head + v.pointer, v.code, v.detail) for v in violations]

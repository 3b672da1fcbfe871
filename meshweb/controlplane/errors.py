"""Why a use case refuses. The API turns each into its status; the texts are for the caller."""

from __future__ import annotations

from collections.abc import Sequence

from meshweb.core.errors import Violation


class Refusal(Exception):
    """Root. `code` is stable, the text is for a person."""

    code = "refused"

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)


class NotFound(Refusal):
    code = "not_found"


class Conflict(Refusal):
    """The state of the mesh forbids it (exists already, still in use, changed meanwhile)."""

    code = "conflict"


class PreconditionFailed(Refusal):
    """The document is another version than the caller has seen."""

    code = "version_mismatch"


class Unauthorized(Refusal):
    """A secret is wrong, used up or over."""

    code = "unauthorized"


class TryAgain(Refusal):
    """Nothing is wrong with the request; the answer is not there yet. `after` seconds."""

    code = "try_again"

    def __init__(self, detail: str, after: int = 2) -> None:
        self.after = after
        super().__init__(detail)


class InvalidDocuments(Refusal):
    """Violations with the index of their document."""

    code = "invalid_document"

    def __init__(self, violations: Sequence[tuple[int, Violation]]) -> None:
        self.violations = tuple(violations)
        count = len(self.violations)
        super().__init__("1 thing is wrong" if count == 1 else f"{count} things are wrong")

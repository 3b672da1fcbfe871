"""Errors (RFC 9457)."""

from __future__ import annotations

from meshweb.api.shapes.base import Shape


class ProblemError(Shape):
    """`document`: index in an apply, from 0. `pointer`: JSON pointer inside it."""

    document: int
    pointer: str
    code: str
    detail: str


class Problem(Shape):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[ProblemError] | None = None

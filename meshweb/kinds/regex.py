"""Users' regular expressions: RE2 as Envoy runs it, bounded."""

from __future__ import annotations

import re2

MAX_LENGTH = 1024
MAX_PROGRAM_SIZE = 100
"""Envoy's own limit (runtime `re2.max_program_size.error_level`): it refuses what is larger."""


def problem(pattern: str) -> str | None:
    """Why Envoy would refuse `pattern`, or None."""
    if len(pattern) > MAX_LENGTH:
        return f"a regular expression may have {MAX_LENGTH} characters"
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        compiled = re2.compile(pattern, options=options)
    except re2.error as error:
        reason = error.args[0] if error.args else "it cannot be parsed"
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        return f"is not an RE2 expression: {text}"
    if compiled.programsize > MAX_PROGRAM_SIZE:
        return f"is too complex: its RE2 program has size {compiled.programsize}, Envoy takes at most {MAX_PROGRAM_SIZE}"
    return None

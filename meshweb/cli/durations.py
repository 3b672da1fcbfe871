"""Durations on the command line."""

from __future__ import annotations

import re

from meshweb.cli.errors import UsageError

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(text: str, flag: str) -> float:
    """Of `500ms`, `60s`, `2m`, `1h30m`. Raises UsageError."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UsageError(f"{flag} {text}: give a duration such as 30s, 5m or 1h")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)

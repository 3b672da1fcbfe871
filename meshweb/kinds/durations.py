"""Durations as Gateway API writes them (GEP-2257): `1h30m`, `10s`, `250ms`; no sign, no fraction, at most 99999 per unit."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_DURATION = re.compile(r"([0-9]{1,5}(h|m|s|ms)){1,4}")
_PART = re.compile(r"([0-9]{1,5})(ms|h|m|s)")
_MILLIS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}


def milliseconds(text: str) -> int:
    """Raises ValueError when the text is not a GEP-2257 duration."""
    if _DURATION.fullmatch(text) is None:
        raise ValueError("must be a duration such as 10s, 250ms or 1h30m")
    return sum(int(number) * _MILLIS[unit] for number, unit in _PART.findall(text))


def _checked(text: str) -> str:
    milliseconds(text)
    return text


Duration = Annotated[str, AfterValidator(_checked)]

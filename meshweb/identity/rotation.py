"""When to renew a certificate, and how long to wait before trying again."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

RENEW_AT = 0.5
RENEW_JITTER = 0.05


def renew_at(not_before: datetime, not_after: datetime, serial: int) -> datetime:
    """50 % of life, plus or minus 5 % that follow from the serial: the same after every restart, spread over a fleet."""
    draw = int.from_bytes(hashlib.sha256(serial.to_bytes(20, "big", signed=False)).digest()[:8], "big") / 2**64
    return not_before + (not_after - not_before) * (RENEW_AT + RENEW_JITTER * (2 * draw - 1))


def renewal_due(
    not_before: datetime, not_after: datetime, serial: int, now: datetime, renew_before: timedelta | None = None
) -> timedelta:
    """Time until the renewal (zero or less: now). `renew_before` asks for a renewal at least that long before the end."""
    at = renew_at(not_before, not_after, serial)
    if renew_before is not None:
        at = min(at, not_after - renew_before)
    return at - now


def retry_delay(attempt: int, draw: float, *, first: float = 1.0, longest: float = 60.0) -> float:
    """Seconds before retry number `attempt` (from 0), full jitter between `first` and a bound that doubles up to `longest`.

    `draw` is uniform in [0, 1): a whole fleet that lost the same server must not come back in step.
    """
    bound = min(longest, first * 2.0 ** min(attempt + 1, 32))
    return first + (bound - first) * draw

"""Query parameters, read strictly: an unknown value is an error, not a default."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from rest_framework.request import Request

from meshweb.api.bodies import wrong

_DURATION = re.compile(r"([0-9]{1,7})(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_LABEL = re.compile(r"(?P<key>[A-Za-z0-9./_-]{1,317})(?P<op>=|==|!=)(?P<value>[A-Za-z0-9._-]{0,63})")


def duration(text: str, pointer: str) -> timedelta:
    """`30s`, `5m`, `2h`, `7d`. Raises Problem (422)."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise wrong(pointer, "duration", f"must be a duration such as 30s, 5m or 1h, not {text[:40]!r}")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def duration_parameter(request: Request, name: str, default: str, *, least: timedelta, most: timedelta) -> timedelta:
    """Raises Problem (422)."""
    found = duration(request.query_params.get(name, default), f"/{name}")
    if not least <= found <= most:
        raise wrong(
            f"/{name}", "range", f"the query parameter {name} must be {least.total_seconds():g}s to {most.total_seconds():g}s"
        )
    return found


def flag(request: Request, name: str) -> bool:
    """Raises Problem (422)."""
    text = request.query_params.get(name, "false").lower()
    if text not in {"true", "false", "1", "0", ""}:
        raise wrong(f"/{name}", "boolean", f"the query parameter {name} must be true or false")
    return text in {"true", "1"}


def moment(request: Request, name: str) -> datetime:
    """RFC 3339; now when it is left out. Raises Problem (422)."""
    text = request.query_params.get(name)
    if not text:
        return timezone.now()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise wrong(f"/{name}", "time", f"the query parameter {name} must be a time such as 2026-01-31T12:00:00Z") from None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if not 1970 < found.year < 9999:  # so that a window before or after it is a time too
        raise wrong(f"/{name}", "time", f"the query parameter {name} must be a time after 1970")
    return found


def labels(request: Request) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """`label=k=v,k2!=v2`: what must be equal, and what must not, each on its own. Raises Problem (422)."""
    equal: list[dict[str, str]] = []
    unequal: list[dict[str, str]] = []
    for part in filter(None, request.query_params.get("label", "").split(",")):
        match = _LABEL.fullmatch(part.strip())
        if match is None:
            raise wrong("/label", "selector", f"the query parameter label must be key=value, not {part[:80]!r}")
        (unequal if match["op"] == "!=" else equal).append({match["key"]: match["value"]})
    return equal, unequal

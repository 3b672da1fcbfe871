"""What Envoy says when it refuses: long, sometimes with a dump of the whole resource, and always with the reason in it."""

from __future__ import annotations

MAX_DETAIL = 1000
_HALF = MAX_DETAIL // 2


def nack_text(detail: str) -> str:
    """Envoy's own words in at most 1000 characters: whole when short, else the beginning and the last meaningful line."""
    lines = [line.strip() for line in detail.replace("\0", "").splitlines() if line.strip(" \t{}")]
    text = "\n".join(lines)
    if len(text) <= MAX_DETAIL:
        return text or "refused without a reason"
    last = lines[-1] if len(lines) > 1 else text[-_HALF:]
    return f"{text[: _HALF - 3]}\n…\n{last[:_HALF]}"

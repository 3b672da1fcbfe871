"""What `core/reach.py` found, in a sentence."""

from __future__ import annotations

from collections.abc import Iterable

from meshweb.core.ir.security import DENY_BY_DEFAULT
from meshweb.core.reach import Effect, Reach, Reached, Reason


def reach_words(found: Reached) -> str:
    """Why a caller's calls pass, do not, or may."""
    said = {effect: _named(reason for reason in found.reasons if reason.effect is effect) for effect in Effect}
    if found.reach is Reach.ALWAYS:
        return f"{said[Effect.ALLOWS]} allows it" if said[Effect.ALLOWS] else "no ALLOW policy stands there: everybody may call"
    refused = {
        Effect.MTLS: "{} wants mTLS, and it has no certificate",
        Effect.DENIES: "{} denies it",
        Effect.SILENT: "no ALLOW policy admits it ({})",
    }
    if found.reach is Reach.NEVER:
        return next((words.format(said[effect]) for effect, words in refused.items() if said[effect]), "nobody stands there")
    refused[Effect.ASKS] = "{} asks a provider"
    refused[Effect.ALLOWS] = "{} allows some of it"
    refused[Effect.DENIES] = "{} denies some of it"
    return "; ".join(words.format(said[effect]) for effect, words in refused.items() if said[effect])


def _named(reasons: Iterable[Reason]) -> str:
    """At most three of them."""
    found = list(dict.fromkeys(map(_reason, reasons)))
    return ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")


def _reason(reason: Reason) -> str:
    if reason.document is None or reason.document == DENY_BY_DEFAULT.document:
        return "the mesh's default"
    name = f"{reason.document.namespace}/{reason.document.name}"
    return name if reason.rule is None else f"rule {reason.rule + 1} of {name}"

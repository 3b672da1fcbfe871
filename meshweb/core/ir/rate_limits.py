"""How often requests may come (meshweb.io, RateLimit)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from meshweb.core.intent import DocumentKey
from meshweb.core.ir.routing import NamedMatch, StringMatch


class CountedBy(StrEnum):
    """What requests have in common that share a counter. HEADER with its name."""

    CALLER = "caller"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class LimitMatch:
    """All parts must hold; the path without its query."""

    path: StringMatch | None = None
    method: str = ""
    headers: tuple[NamedMatch, ...] = ()


@dataclass(frozen=True, slots=True)
class Limit:
    """`requests` per `period` milliseconds, at most `burst` at once, of the requests that one of `matches` takes (empty: all), for each
    value of `by`. A request without the header of `by` is not counted. shared: all proxies count together, in a sliding window of whole
    seconds and without `burst`; else each for itself."""

    name: str
    requests: int
    period: int
    burst: int
    matches: tuple[LimitMatch, ...] = ()
    by: tuple[tuple[CountedBy, str], ...] = ()
    shared: bool = False


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One document. shadow: what would be refused is counted, and let through. headers: of the refusal. open: requests pass while
    nobody can say how many came to all proxies; else they are refused."""

    document: DocumentKey
    limits: tuple[Limit, ...]
    status: int = 429
    headers: tuple[tuple[str, str], ...] = ()
    tell: bool = True
    shadow: bool = False
    open: bool = False

    @property
    def shared(self) -> tuple[Limit, ...]:
        return tuple(limit for limit in self.limits if limit.shared)

    @property
    def own(self) -> tuple[Limit, ...]:
        """What each proxy counts for itself."""
        return tuple(limit for limit in self.limits if not limit.shared)

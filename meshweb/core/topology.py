"""How traffic is judged: thresholds in one place, words that a person would say. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MIN_CALLS = 20
"""Fewer calls say nothing."""
WARN_ERRORS = 0.01
BAD_ERRORS = 0.05
SLOW_FACTOR = 2.0
"""Slow: p95 over so many times its usual value."""
MIN_SLOW_MS = 5.0
"""Below this nobody calls it slow, whatever it usually is."""

Health = Literal["ok", "warn", "bad", "deny", "idle", "unknown"]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Counts of a window. `errors`: 5xx. `denied`: refused by policy. Latencies in milliseconds; `usual_p95`: over the last hour."""

    requests: int
    errors: int
    denied: int
    p95: float | None
    usual_p95: float | None

    @property
    def error_rate(self) -> float:
        return self.errors / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    health: Health
    reason: str


def judge(traffic: Traffic) -> Verdict:
    """One sentence worth of truth about an edge or a service."""
    if traffic.requests == 0 and traffic.denied == 0:
        return Verdict("idle", "")
    if traffic.denied and traffic.denied >= max(traffic.requests - traffic.denied, 1):
        return Verdict("deny", "denied by policy")
    if traffic.requests < MIN_CALLS:
        return Verdict("unknown", "too few calls to judge")
    if traffic.error_rate >= WARN_ERRORS:
        return Verdict("bad" if traffic.error_rate >= BAD_ERRORS else "warn", f"{traffic.error_rate * 100:.1f} % err")
    usual = traffic.usual_p95
    if traffic.p95 is not None and usual is not None and traffic.p95 > max(MIN_SLOW_MS, SLOW_FACTOR * usual):
        return Verdict("warn", f"p95 {traffic.p95:.0f} ms")
    return Verdict("ok", "")


def node_verdict(own: Verdict, workloads: int, healthy: int) -> Verdict:
    """A service: its traffic, and whether anybody is there to answer."""
    if workloads and healthy == 0:
        return Verdict("bad", "no healthy workload")
    if workloads == 0:
        return Verdict("unknown", "no workload") if own.health in {"idle", "unknown", "ok"} else own
    if healthy < workloads and own.health in {"ok", "idle", "unknown"}:
        return Verdict("warn", f"{healthy} of {workloads} workloads healthy")
    # Being denied is the caller's trouble, not the service's.
    return Verdict("ok", "") if own.health == "deny" else own

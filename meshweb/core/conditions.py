"""Conditions with the types, statuses and reasons of Gateway API (GEP-1364)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ConditionType(StrEnum):
    ACCEPTED = "Accepted"
    RESOLVED_REFS = "ResolvedRefs"
    PROGRAMMED = "Programmed"
    CONFLICTED = "Conflicted"


@dataclass(frozen=True, slots=True)
class Condition:
    """`status` is "True", "False" or "Unknown"; `reason` is one word of the specification, `message` is for a person."""

    type: ConditionType
    status: str
    reason: str
    message: str = ""

    @classmethod
    def accepted(cls, message: str = "") -> Condition:
        return cls(ConditionType.ACCEPTED, "True", "Accepted", message)

    @classmethod
    def not_accepted(cls, reason: str, message: str) -> Condition:
        return cls(ConditionType.ACCEPTED, "False", reason, message)

    @classmethod
    def resolved(cls, message: str = "") -> Condition:
        return cls(ConditionType.RESOLVED_REFS, "True", "ResolvedRefs", message)

    @classmethod
    def unresolved(cls, reason: str, message: str) -> Condition:
        return cls(ConditionType.RESOLVED_REFS, "False", reason, message)

    @classmethod
    def conflicted(cls, reason: str, message: str) -> Condition:
        """Another document wins over all or part of this one."""
        return cls(ConditionType.CONFLICTED, "True", reason, message)

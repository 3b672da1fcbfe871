"""Revisions and the fate of each on every proxy."""

from __future__ import annotations

from typing import Literal

from meshweb.api.shapes.base import Shape, Time


class Change(Shape):
    action: Literal["created", "updated", "deleted"]
    kind: str
    namespace: str
    name: str


class Counts(Shape):
    affected: int
    live: int
    rejected: int
    pending: int
    disconnected: int


class RevisionSummary(Shape):
    number: int
    created_at: Time
    author: str
    origin: Literal["api", "cli", "console", "agent", "system"]
    reason: str
    state: Literal["pending", "live", "rejected", "superseded"]
    changes: list[Change]
    counts: Counts


class RevisionProxy(Shape):
    """`millis`: from the save of the revision to its being live on this proxy. `detail`: Envoy's own words."""

    id: str
    state: Literal["live", "pending", "rejected", "disconnected"]
    sent_at: Time | None
    at: Time | None
    millis: int | None
    detail: str


class Revision(RevisionSummary):
    compiled_at: Time | None
    sent_at: Time | None
    live_at: Time | None
    proxies: list[RevisionProxy]


class DocumentDiff(Shape):
    kind: str
    namespace: str
    name: str
    action: Literal["created", "updated", "deleted"]
    before: str | None
    after: str | None


class RevisionDiff(Shape):
    items: list[DocumentDiff]

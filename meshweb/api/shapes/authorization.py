"""Who may call whom, and what policies would follow from who does."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from meshweb.api.shapes.base import Shape, Time


class AccessReason(Shape):
    """What a document does to a caller's calls: one of its rules (`rule`, from 1; `field` is its JSON pointer) allows or denies them,
    has an extension provider asked about them (asks), or it is silent: an ALLOW policy stands there, and none of its rules is for this
    caller; `mtls`: it wants a certificate. document null: a default of the mesh. certain: whatever the request says. anyone: the rule asks
    nothing of the caller."""

    effect: Literal["allows", "denies", "asks", "silent", "mtls"]
    document: str | None
    rule: int | None
    field: str
    certain: bool
    anyone: bool


class AccessCaller(Shape):
    """As telemetry names it. identities: SPIFFE IDs, "" for none. unknown: nobody whom the mesh knows."""

    name: str
    kind: Literal["service", "workload", "unknown"]
    identities: list[str]


class AccessService(Shape):
    name: str
    ports: list[int]
    workloads: int


class AccessCell(Shape):
    """access: of all its calls. state: allowed (let through because a document says so), undeclared (let through because no ALLOW policy
    stands there), denied, and where nobody calls: unused (a document would let it through), open (nothing would stop it). everyone: it is
    let in by a rule for everybody. requests and denied: of the window, the denied ones counted by the server."""

    caller: str
    service: str
    access: Literal["allowed", "partly", "denied"]
    state: Literal["allowed", "undeclared", "denied", "unused", "open"]
    everyone: bool
    reason: str
    reasons: list[AccessReason]
    requests: int
    denied: int
    last_seen: Time | None


class AccessLeftOut(Shape):
    """What is there and not in this answer: callers with the least to look at, and services of other pages."""

    callers: int
    services: int


class AccessMatrix(Shape):
    """One cell for each caller with each service. `next`: cursor of the next services."""

    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    revision: int
    callers: list[AccessCaller]
    services: list[AccessService]
    cells: list[AccessCell]
    left_out: AccessLeftOut
    next: str | None


class SuggestedCaller(Shape):
    """What speaks for a caller. ports: of the workloads. plain: requests without mTLS, which no policy can tell whose they are."""

    name: str
    identities: list[str]
    ports: list[int]
    requests: int
    denied: int
    plain: int
    last_seen: Time | None


class UnseenCaller(Shape):
    """Policies let it in, and it did not call in the window."""

    name: str
    access: Literal["allowed", "partly"]
    reason: str
    reasons: list[AccessReason]


class AccessSuggestion(Shape):
    """For one service. policy: an AuthorizationPolicy as it can be applied; null: none can be made, `why` says so. It admits `admitted` and
    nobody else, as soon as the policies of `standing` that admit others are gone. nameless: who called without an identity that a policy
    could name; refused: who called and was denied. unknowable: what telemetry cannot tell, in sentences."""

    service: str
    policy: dict[str, Any] | None
    why: str
    admitted: list[SuggestedCaller]
    nameless: list[SuggestedCaller]
    refused: list[SuggestedCaller]
    unseen: list[UnseenCaller]
    unseen_left_out: int
    standing: list[str]
    unknowable: list[str]


class AccessSuggestions(Shape):
    """`since`: when telemetry begins, where that is later than `from`."""

    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    since: Time | None
    revision: int
    items: list[AccessSuggestion]

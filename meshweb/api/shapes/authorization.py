"""Who may call whom, and what policies would follow from who does."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from meshweb.api.shapes.base import Shape, Time


class AccessReason(Shape):
    """What a document does to a caller's calls: one of its rules (`rule`, from 1; `field` is its JSON pointer) allows or denies them, or
    it is silent: an ALLOW policy stands there, and none of its rules is for this caller; `mtls`: it wants a certificate. document null:
    a default of the mesh. certain: whatever the request says. anyone: the rule asks nothing of the caller."""

    effect: Literal["allows", "denies", "silent", "mtls"]
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

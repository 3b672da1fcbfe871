"""Why a call is allowed or denied."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from meshweb.api.shapes.base import Input, Shape

_Text = Annotated[str, Field(max_length=2048)]


class Call(Input):
    """from: "namespace/name" of a workload, a service or a service account, a SPIFFE ID, or empty for a caller without certificate. to:
    "namespace/service". port: of the service, 0: its first. path: as it is sent. headers: name -> values. sourceIp: of the caller,
    needed where policies ask for it; of a workload known. remoteIp: from where it came first, where the caller is a gateway and says
    so. claims: payload of a genuine token that the request brings; empty: it brings none. draft: documents as YAML, as if they had been
    applied."""

    from_: _Text = Field(default="", alias="from")
    to: _Text
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    method: _Text = "GET"
    path: Annotated[str, Field(max_length=8192)] = "/"
    host: _Text = ""
    headers: Annotated[dict[str, list[_Text]], Field(max_length=100)] = Field(default_factory=dict)
    source_ip: _Text = ""
    remote_ip: _Text = ""
    sni: _Text = ""
    claims: Annotated[dict[str, JsonValue], Field(max_length=100)] = Field(default_factory=dict)
    draft: Annotated[str, Field(max_length=1_000_000)] = ""


class FailedCondition(Shape):
    """`field`: JSON pointer inside the policy. `negated`: none of `wants`. `got` empty: nothing."""

    field: str
    wants: list[str]
    negated: bool
    got: str


class RuleTrace(Shape):
    """`rule` from 1. A rule that matched has no `failed`."""

    rule: int
    matched: bool
    failed: list[FailedCondition]


class PolicyTrace(Shape):
    document: str
    action: Literal["ALLOW", "DENY", "CUSTOM", "AUDIT"]
    dry_run: bool
    matched: bool
    rules: list[RuleTrace]


class Verdict(Shape):
    """At one workload behind the service. `hop`: where it falls. `document` and `field`: what decided, or came nearest. ask: `provider`
    (an extension provider) is asked, and decides; policies alone would let it pass. Else `provider` is empty.
    `policies`: of many those that match, the one that came nearest, and some more; `omitted` is how many are not shown."""

    workload: str
    decision: Literal["allow", "deny", "ask"]
    provider: str
    hop: Literal["connection", "token", "policy"]
    document: str | None
    field: str
    reason: str
    policies: list[PolicyTrace]
    omitted: int


class Explanation(Shape):
    """`decision`: allow when every workload allows; deny when none does, or nobody stands behind the service; mixed when some deny; ask
    when none denies, and a provider decides. `reason`: of the first verdict that denies, else that asks, else of the first. `path`: as
    policies and application see it. `revision`: of the documents that were asked."""

    decision: Literal["allow", "deny", "mixed", "ask"]
    reason: str
    identity: str
    service: str
    port: int
    path: str
    revision: int
    draft: bool
    verdicts: list[Verdict]

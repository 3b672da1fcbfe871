"""Agents' reports, checked. See docs/guides/agent-protocol.md, Report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from meshweb.telemetry.histogram import BUCKETS

Text = Annotated[str, AfterValidator(lambda text: text.replace("\0", ""))]
"""PostgreSQL takes every character but one; a report that holds it must not take those of others with it."""
Count = Annotated[int, Field(ge=0, le=2**40)]
ServiceName = Annotated[str, Field(max_length=317, pattern=r"^[a-z0-9-]+/(\*\.)?[a-z0-9.-]+$")]
"""`<namespace>/<service>`, or a host of a ServiceEntry instead of the service."""
Histogram = Annotated[list[Count], Field(min_length=BUCKETS, max_length=BUCKETS)]
Classes = dict[Literal["2", "3", "4", "5"], Count]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Backend(_Part):
    """Calls to one port of the service that a route chose. `classes` by first digit of the status."""

    service: ServiceName
    port: Annotated[int, Field(ge=1, le=65535)]
    classes: Classes = Field(default_factory=dict)
    histogram: Histogram


class Edge(Backend):
    """Calls to one port of the service that was called. `mtls` None: not observed."""

    mtls: bool | None = None


class Denial(_Part):
    """Calls that this proxy refused by policy, or would have in a dry run. `source` is the caller's SPIFFE ID, or empty. `policy`: the
    rule, as `core.envoy.rbac.policy_id` names it; empty: no ALLOW policy admitted the call. `cause` and `detail`: see `DenialBucket`."""

    source: Annotated[Text, Field(max_length=2048)] = ""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    policy: Annotated[Text, Field(max_length=512)] = ""
    dry_run: bool = Field(default=False, alias="dryRun")
    cause: Literal["policy", "token", "mtls"] = "policy"
    detail: Annotated[Text, Field(max_length=100)] = ""
    count: Count


class AccessRecord(_Part):
    """A call that an AUDIT policy asks to be recorded; `policy` is the rule as `core.envoy.rbac.policy_id` names it. at: UNIX seconds when
    it began. method, path (without query) and status: of requests alone."""

    at: Annotated[float, Field(ge=0, le=2**33)]
    source: Annotated[Text, Field(max_length=2048)] = ""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    policy: Annotated[Text, Field(max_length=512)]
    allowed: bool
    method: Annotated[Text, Field(max_length=32)] = ""
    path: Annotated[Text, Field(max_length=512)] = ""
    status: Annotated[int, Field(ge=0, le=999)] = 0


class Limits(_Part):
    """What the RateLimit `document` did at this proxy: see `store.models.LimitBucket`."""

    document: Annotated[str, Field(max_length=317, pattern=r"^[a-z0-9-]+/[a-z0-9.-]+$")]
    limited: Count = 0
    shadowed: Count = 0
    unanswered: Count = 0


class Health(_Part):
    state: Literal["healthy", "unhealthy", "unknown"] = "unknown"
    reason: Annotated[Text, Field(max_length=500)] = ""


class EnvoyState(_Part):
    state: Literal["live", "starting", "down"] = "down"
    version: Annotated[str, Field(max_length=64)] = ""


class EndpointState(_Part):
    """How the proxy sees one endpoint of a service port that it calls or checks. failing: its own checks; ejected: its outlier
    detection; withdrawn: what the control plane said; checking: the first check is under way."""

    service: ServiceName
    port: Annotated[int, Field(ge=1, le=65535)]
    address: Annotated[str, Field(max_length=280, pattern=r"^[A-Za-z0-9._:\[\]%-]+:[0-9]{1,5}$")]
    state: Literal["healthy", "failing", "ejected", "withdrawn", "checking"]


class Endpoints(_Part):
    """What was seen `age` seconds ago. states None: the same as in the last report that had some."""

    age: Annotated[float, Field(ge=0, le=86_400)]
    states: Annotated[list[EndpointState], Field(max_length=2_000)] | None = None


class Report(_Part):
    sequence: Annotated[int, Field(ge=0, le=2**62)]
    seconds: Annotated[float, Field(ge=0, le=86_400)]
    health: Health = Field(default_factory=Health)
    envoy: EnvoyState = Field(default_factory=EnvoyState)
    edges: Annotated[list[Edge], Field(max_length=10_000)] = Field(default_factory=list)
    backends: Annotated[list[Backend], Field(max_length=10_000)] = Field(default_factory=list)
    denials: Annotated[list[Denial], Field(max_length=10_000)] = Field(default_factory=list)
    limits: Annotated[list[Limits], Field(max_length=10_000)] = Field(default_factory=list)
    access_records: Annotated[list[AccessRecord], Field(max_length=2_000, alias="accessRecords")] = Field(default_factory=list)
    access_records_lost: Annotated[Count, Field(alias="accessRecordsLost")] = 0
    received: Count = 0
    endpoints: Endpoints | None = None

"""Every answer and every small request body, by name: the shapes of docs/guides/rest-api.md and of the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from meshweb.controlplane.render import timestamp

T = TypeVar("T")

Time = Annotated[datetime, PlainSerializer(timestamp, return_type=str, when_used="json")]
"""RFC 3339, UTC, milliseconds."""


class Shape(BaseModel):
    """camelCase outside, snake_case inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True)


class Page(Shape, Generic[T]):
    """`next`: cursor of the next page. `revision`: the newest one when the page was read."""

    items: list[T]
    next: str | None
    revision: int

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """`DocumentPage` in the OpenAPI document."""
        return f"{params[0].__name__}Page"


# --- documents --------------------------------------------------------------------------------------------------------


class Condition(Shape):
    type: Literal["Accepted", "ResolvedRefs", "Programmed"]
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    observed_generation: int
    last_transition_time: str


class Metadata(Shape):
    name: str
    namespace: str | None = None
    uid: str
    labels: dict[str, str]
    annotations: dict[str, str]
    resource_version: str
    generation: int
    creation_timestamp: str


class DocumentStatus(Shape):
    conditions: list[Condition]


class Document(Shape):
    api_version: str
    kind: str
    metadata: Metadata
    spec: dict[str, Any]
    status: DocumentStatus


class Difference(Shape):
    op: Literal["add", "remove", "replace"]
    path: str
    before: Any = None
    after: Any = None


class ApplyItem(Shape):
    """`before` and `after` are YAML texts, what a diff view shows; `after` is empty for a deletion."""

    document: int
    api_version: str
    kind: str
    namespace: str | None = None
    name: str
    action: Literal["created", "updated", "unchanged", "deleted"]
    before: str | None
    after: str
    diff: list[Difference]


class ProxyImpact(Shape):
    id: str
    changes: list[Literal["Clusters", "Endpoints", "Listeners", "Routes"]]
    connected: bool


class Impact(Shape):
    proxies: list[ProxyImpact]
    services: list[str]


class ApplyResult(Shape):
    """`revision` is null for a dry run, and when nothing changed."""

    revision: int | None
    dry_run: bool
    impact: Impact
    results: list[ApplyItem]


# --- revisions --------------------------------------------------------------------------------------------------------


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


# --- proxies ----------------------------------------------------------------------------------------------------------


class ProxyHealth(Shape):
    state: Literal["healthy", "unhealthy", "unknown"]
    reason: str
    at: Time | None


class ProxyCertificate(Shape):
    serial: str
    not_before: Time
    expires_at: Time


class ProxyType(Shape):
    type: Literal["Clusters", "Endpoints", "Listeners", "Routes", "Secrets"]
    state: Literal["synced", "pending", "rejected", "unsent"]
    version: str | None
    at: Time | None
    detail: str


class Proxy(Shape):
    id: str
    namespace: str
    name: str
    workload_group: str
    identity: str
    mode: Literal["loopback", "proxy", "explicit"]
    bind: str
    app_address: str
    agent_version: str
    envoy_version: str
    state: Literal["joining", "synced", "pending", "rejected", "disconnected"]
    connected: bool
    connected_at: Time | None
    last_seen: Time | None
    live_revision: int | None
    wanted_revision: int | None
    services: list[str]
    health: ProxyHealth
    certificate: ProxyCertificate | None
    types: list[ProxyType]
    first_request_at: Time | None
    joined_at: Time


class Certificate(Shape):
    serial: str
    proxy: str
    identity: str
    not_before: Time
    expires_at: Time
    issued_at: Time
    state: Literal["active", "superseded", "expired"]


# --- joining ----------------------------------------------------------------------------------------------------------


class NewJoinToken(Shape):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, extra="forbid")

    namespace: str
    workload_group: str
    ttl: str = "1h"
    uses: int = 1


class CreatedJoinToken(Shape):
    """`token` is shown here and never again."""

    id: str
    token: str
    expires_at: Time
    command: str


class Redemption(Shape):
    proxy: str
    at: Time
    certificate_issued_at: Time | None
    connected_at: Time | None
    live_revision: int | None
    health: Literal["healthy", "unhealthy", "unknown"]
    first_request_at: Time | None
    error: str


class TokenRefusal(Shape):
    at: Time
    reason: str


class JoinToken(Shape):
    id: str
    namespace: str
    workload_group: str
    uses: int
    uses_left: int
    created_at: Time
    created_by: str
    expires_at: Time
    revoked_at: Time | None
    state: Literal["active", "used", "expired", "revoked"]
    redemptions: list[Redemption]
    refusals: list[TokenRefusal]


# --- access -----------------------------------------------------------------------------------------------------------


class SignIn(Shape):
    """Either a user name and a password, or the token of a one-time link."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, extra="forbid")

    username: str | None = None
    password: str | None = None
    login_token: str | None = None


class Session(Shape):
    username: str
    scopes: list[Literal["read", "write", "admin"]]


class NewPassword(Shape):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, extra="forbid")

    password: str


class NewApiToken(Shape):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, extra="forbid")

    name: str
    scopes: list[str]
    ttl: str = "90d"


class ApiToken(Shape):
    id: str
    name: str
    scopes: list[Literal["read", "write", "admin"]]
    created_at: Time
    created_by: str
    expires_at: Time
    revoked_at: Time | None
    last_used_at: Time | None


class CreatedApiToken(ApiToken):
    """`token` is shown here and never again."""

    token: str


class AuditEntry(Shape):
    at: Time
    actor: str
    origin: Literal["api", "cli", "console", "agent", "system"]
    verb: str
    object: str
    decision: Literal["allowed", "refused"]
    detail: str
    request_id: str
    address: str
    revision: int | None


# --- mesh and traffic -------------------------------------------------------------------------------------------------


class ProxyCounts(Shape):
    total: int
    connected: int
    synced: int
    rejected: int


class LastCall(Shape):
    source: str
    destination: str
    at: Time


class AuthoritySummary(Shape):
    subject: str
    expires_at: Time


class Mesh(Shape):
    name: str
    trust_domain: str
    version: str
    revision: int
    revision_state: Literal["pending", "live", "rejected", "superseded"]
    proxies: ProxyCounts
    telemetry_at: Time | None
    last_call: LastCall | None
    certificate_authority: AuthoritySummary


class WorkloadCounts(Shape):
    total: int
    healthy: int
    connected: int


class Version(Shape):
    """`weight` is the wanted share, `share` the one that was seen (0..1); times in milliseconds."""

    service: str
    label: str
    weight: float
    share: float | None
    rps: float
    error_rate: float
    p50: float | None
    p95: float | None
    p99: float | None


class TopologyNode(Shape):
    id: str
    namespace: str
    name: str
    kind: Literal["service", "workload", "unknown"]
    health: Literal["ok", "warn", "bad", "deny", "idle", "unknown"]
    reason: str
    rps: float
    error_rate: float
    workloads: WorkloadCounts
    versions: list[Version]


class Classes(BaseModel):
    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    ok: float = Field(alias="2xx")
    redirected: float = Field(alias="3xx")
    refused: float = Field(alias="4xx")
    failed: float = Field(alias="5xx")


class TopologyEdge(Shape):
    """Rates per second; times in milliseconds; `mtls` null: not observed."""

    source: str
    destination: str
    rps: float
    requests: int
    error_rate: float
    errors: float
    denied: float
    classes: Classes
    p50: float | None
    p95: float | None
    p99: float | None
    mtls: bool | None
    health: Literal["ok", "warn", "bad", "deny", "idle", "unknown"]
    reason: str
    last_seen: Time | None


class Topology(Shape):
    """`start` and `end` are named `from` and `to` outside."""

    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    revision: int
    telemetry_at: Time | None
    reporting: int
    connected: int
    nodes: list[TopologyNode]
    edges: list[TopologyEdge]


class SeriesPoint(Shape):
    """Counts of one step; null: no proxy reported."""

    at: Time
    requests: int | None
    errors: int | None
    denied: int | None
    p50: float | None
    p95: float | None
    p99: float | None


class Series(Shape):
    start: Time
    step: int
    points: list[SeriesPoint]


# --- errors -----------------------------------------------------------------------------------------------------------


class ProblemError(Shape):
    """`document`: index in an apply, from 0. `pointer`: JSON pointer inside it."""

    document: int
    pointer: str
    code: str
    detail: str


class Problem(Shape):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[ProblemError] | None = None

"""The mesh at a glance, and who calls whom."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from meshweb.api.shapes.base import Shape, Time


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
    kind: Literal["service", "external", "workload", "unknown"]
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


class Denied(Shape):
    """Calls of `source` to `destination` that a rule denied (`document` "AuthorizationPolicy namespace/name", `field` its JSON pointer), or
    that no ALLOW policy admitted (null). cause `token`: one that could not be verified, `detail` says why; `mtls`: a connection without
    certificate. dryRun: they were let through, and would have been denied."""

    source: str
    destination: str
    cause: Literal["policy", "token", "mtls"]
    detail: str
    document: str | None
    field: str
    dry_run: bool
    requests: int
    last_seen: Time


class Denials(Shape):
    """Most requests first. `start` and `end` are named `from` and `to` outside."""

    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    items: list[Denied]


class AccessRecord(Shape):
    """A call that a rule of an AUDIT policy (`document`, `field`) asked to be recorded. at: when it began. identity: the caller's SPIFFE
    ID, empty: no certificate. method, path (without query) and status: of requests alone. allowed: policies let it pass."""

    at: Time
    source: str
    identity: str
    destination: str
    workload: str
    port: int
    method: str
    path: str
    status: int | None
    document: str
    field: str
    allowed: bool


class AccessRecords(Shape):
    """The newest first. `start` and `end` are named `from` and `to` outside. lost: records of that time for which an agent had no room."""

    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    items: list[AccessRecord]
    next: str | None
    lost: int


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

"""Documents, and what an apply says of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from meshweb.api.shapes.authorization import AccessReason
from meshweb.api.shapes.base import Shape, Time


class Condition(Shape):
    type: Literal["Accepted", "ResolvedRefs", "Programmed", "Conflicted", "Counted"]
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


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


Maybe = Field(json_schema_extra=_without_default)
"""A field that is left out where it has no value; a default in the schema would make generated clients expect it."""


class RouteParent(Shape):
    """`parentRef` as the route names it, with its namespace (Gateway API, RouteParentStatus)."""

    parent_ref: dict[str, str | int]
    controller_name: str
    conditions: list[Condition]


class RouteKind(Shape):
    kind: str


class GatewayListener(Shape):
    """Gateway API, ListenerStatus."""

    name: str
    supported_kinds: list[RouteKind]
    attached_routes: int
    conditions: list[Condition]


class LimitedRequests(Shape):
    """What a RateLimit did in the `window` before now: requests refused; that would have been in shadow mode; that nobody counted."""

    window: str
    limited: int
    shadowed: int
    unanswered: int


class PolicyEnforcement(Shape):
    """Before what an AuthorizationPolicy stands now (`services`: the most general one of each workload), and calls of the `window` before
    now that it denied; for an ALLOW policy those to its services that no ALLOW policy admitted. wouldDeny: the same of dry runs."""

    window: str
    workloads: int
    services: list[str]
    ports: list[int]
    denied: int
    would_deny: int


class DocumentStatus(Shape):
    """`parents` of routes, `listeners` of Gateways, `requests` of RateLimits, `enforcement` of AuthorizationPolicies."""

    conditions: list[Condition]
    parents: Annotated[list[RouteParent] | None, Maybe] = None
    listeners: Annotated[list[GatewayListener] | None, Maybe] = None
    requests: Annotated[LimitedRequests | None, Maybe] = None
    enforcement: Annotated[PolicyEnforcement | None, Maybe] = None


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
    changes: list[Literal["Clusters", "Endpoints", "Secrets", "Listeners", "Routes", "Limits"]]
    connected: bool


class AccessChange(Shape):
    """Calls that were seen, and what becomes of them: `before` and `after` are of all that such a caller may send. reasons: what decides
    afterwards."""

    fate: Literal["newlyDenied", "newlyAllowed", "mayChange"]
    source: str
    destination: str
    requests: int
    denied: int
    last_seen: Time
    before: Literal["allowed", "partly", "denied"]
    after: Literal["allowed", "partly", "denied"]
    reason: str
    reasons: list[AccessReason]


class AccessImpact(Shape):
    """Checked against what was seen in the `window` before: so many callers, edges and requests. changes: newly denied first, most
    requests first; left_out: further ones. The counts are of all."""

    window: str
    callers: int
    edges: int
    requests: int
    newly_denied: int
    newly_allowed: int
    may_change: int
    changes: list[AccessChange]
    left_out: int


class Impact(Shape):
    """access null: not asked, because it was no dry run."""

    proxies: list[ProxyImpact]
    services: list[str]
    access: AccessImpact | None


class ApplyResult(Shape):
    """`revision` is null for a dry run, and when nothing changed."""

    revision: int | None
    dry_run: bool
    impact: Impact
    results: list[ApplyItem]

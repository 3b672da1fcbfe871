"""GRPCRoute (Gateway API v1 reference, "GRPCRoute")."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from meshweb.kinds.base import SpecModel
from meshweb.kinds.common.gateway_api import (
    BackendRef,
    GrpcRuleFilter,
    HeaderMatches,
    Hostnames,
    ParentRefs,
    SectionName,
    SessionPersistence,
)


class MethodMatch(SpecModel):
    """At least one of the two; the one that is left out may be anything."""

    type: Literal["Exact", "RegularExpression"] = "Exact"
    service: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    method: Annotated[str, Field(min_length=1, max_length=1024)] | None = None


class GrpcMatch(SpecModel):
    method: MethodMatch | None = None
    headers: HeaderMatches = ()


class GrpcRule(SpecModel):
    """No `matches`: every call. No `backendRefs`: answers UNAVAILABLE."""

    name: SectionName | None = None
    matches: Annotated[tuple[GrpcMatch, ...], Field(max_length=64)] = ()
    filters: Annotated[tuple[GrpcRuleFilter, ...], Field(max_length=16)] = ()
    backend_refs: Annotated[tuple[BackendRef, ...], Field(max_length=16)] = ()
    session_persistence: SessionPersistence | None = None


class GRPCRouteSpec(SpecModel):
    parent_refs: ParentRefs
    hostnames: Hostnames = ()
    rules: Annotated[tuple[GrpcRule, ...], Field(min_length=1, max_length=16)]

"""HTTPRoute (Gateway API v1 reference, "HTTPRoute")."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from meshweb.kinds.base import SpecModel
from meshweb.kinds.common.gateway_api import (
    BackendRef,
    HeaderMatches,
    Hostnames,
    ParentRefs,
    Retry,
    RuleFilter,
    SectionName,
    SessionPersistence,
    Timeouts,
)
from meshweb.kinds.common.http import HeaderName, Method, Path


class PathMatch(SpecModel):
    type: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"
    value: Path = "/"


class QueryParamMatch(SpecModel):
    type: Literal["Exact", "RegularExpression"] = "Exact"
    name: HeaderName
    value: Annotated[str, Field(min_length=1, max_length=1024)]


class Match(SpecModel):
    path: PathMatch = Field(default_factory=PathMatch)
    headers: HeaderMatches = ()
    query_params: Annotated[tuple[QueryParamMatch, ...], Field(max_length=16)] = ()
    method: Method | None = None


class Rule(SpecModel):
    """No `matches`: every request. No `backendRefs` and no redirect: answers 500."""

    name: SectionName | None = None
    matches: Annotated[tuple[Match, ...], Field(max_length=64)] = ()
    filters: Annotated[tuple[RuleFilter, ...], Field(max_length=16)] = ()
    backend_refs: Annotated[tuple[BackendRef, ...], Field(max_length=16)] = ()
    timeouts: Timeouts | None = None
    retry: Retry | None = None
    session_persistence: SessionPersistence | None = None


class HTTPRouteSpec(SpecModel):
    parent_refs: ParentRefs
    hostnames: Hostnames = ()
    rules: Annotated[tuple[Rule, ...], Field(min_length=1, max_length=16)]

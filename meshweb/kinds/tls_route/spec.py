"""TLSRoute (Gateway API v1 reference, "TLSRoute"): TLS connections, chosen by server name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from meshweb.core.errors import Violation, under
from meshweb.kinds.base import Metadata, SpecModel
from meshweb.kinds.common import gateway_checks as shared
from meshweb.kinds.common.gateway_api import Hostname, ParentRefs, SectionName, WeightedBackend


class TlsRule(SpecModel):
    name: SectionName | None = None
    backend_refs: Annotated[tuple[WeightedBackend, ...], Field(min_length=1, max_length=16)]


class TLSRouteSpec(SpecModel):
    """One rule: nothing but the hostnames, which all rules share, could choose between several."""

    parent_refs: ParentRefs
    hostnames: Annotated[tuple[Hostname, ...], Field(min_length=1, max_length=16)]
    rules: Annotated[tuple[TlsRule, ...], Field(min_length=1, max_length=1)]


def check(metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, TLSRouteSpec)
    yield from under(("spec", "parentRefs"), shared.parent_refs(metadata.namespace, spec.parent_refs))
    yield from under(("spec", "hostnames"), shared.duplicates(spec.hostnames))

"""TCPRoute (Gateway API reference, "TCPRoute"): every connection of a listener or service port."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from meshweb.core.errors import Violation, under
from meshweb.kinds.base import Metadata, SpecModel
from meshweb.kinds.common import gateway_checks as shared
from meshweb.kinds.common.gateway_api import ParentRefs, SectionName, WeightedBackend


class TcpRule(SpecModel):
    name: SectionName | None = None
    backend_refs: Annotated[tuple[WeightedBackend, ...], Field(min_length=1, max_length=16)]


class TCPRouteSpec(SpecModel):
    """One rule: nothing could choose between several."""

    parent_refs: ParentRefs
    rules: Annotated[tuple[TcpRule, ...], Field(min_length=1, max_length=1)]


def check(metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, TCPRouteSpec)
    yield from under(("spec", "parentRefs"), shared.parent_refs(metadata.namespace, spec.parent_refs))

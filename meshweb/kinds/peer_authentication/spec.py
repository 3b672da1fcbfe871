"""PeerAuthentication (Istio reference). Modes STRICT, PERMISSIVE and UNSET (inherit)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from meshweb.core.errors import Violation
from meshweb.kinds.base import Labels, Metadata, SpecModel


class Selector(SpecModel):
    match_labels: Labels = Field(default_factory=dict)


class MutualTls(SpecModel):
    mode: Literal["UNSET", "STRICT", "PERMISSIVE"] = "UNSET"


class PeerAuthenticationSpec(SpecModel):
    selector: Selector | None = None
    mtls: MutualTls = Field(default_factory=MutualTls)


def check(_metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, PeerAuthenticationSpec)
    if spec.selector is not None and not spec.selector.match_labels:
        yield Violation(
            "/spec/selector/matchLabels", "required", "must name a label; leave selector out to cover the namespace"
        )

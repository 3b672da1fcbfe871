"""PeerAuthentication (Istio reference). Modes STRICT, PERMISSIVE and UNSET (inherit)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from meshweb.core.errors import Violation
from meshweb.kinds.base import Metadata, SpecModel
from meshweb.kinds.common.istio_selector import Selector, selector_violations


class MutualTls(SpecModel):
    mode: Literal["UNSET", "STRICT", "PERMISSIVE"] = "UNSET"


class PeerAuthenticationSpec(SpecModel):
    selector: Selector | None = None
    mtls: MutualTls = Field(default_factory=MutualTls)


def check(_metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, PeerAuthenticationSpec)
    yield from selector_violations(spec.selector)

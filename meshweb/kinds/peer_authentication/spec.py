"""PeerAuthentication (Istio reference): mTLS by workload, and by port of a workload."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from meshweb.core.errors import Violation, pointer
from meshweb.kinds.base import Metadata, SpecModel
from meshweb.kinds.common.istio_selector import Selector, selector_violations

Port = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}$")]


class MutualTls(SpecModel):
    """UNSET: what the next wider scope says."""

    mode: Literal["UNSET", "STRICT", "PERMISSIVE", "DISABLE"] = "UNSET"


class PeerAuthenticationSpec(SpecModel):
    """portLevelMtls: by number of the workload's port (not the Service's)."""

    selector: Selector | None = None
    mtls: MutualTls = Field(default_factory=MutualTls)
    port_level_mtls: Annotated[dict[Port, MutualTls], Field(max_length=64)] = Field(default_factory=dict)


def check(_metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, PeerAuthenticationSpec)
    yield from selector_violations(spec.selector)
    if spec.port_level_mtls and spec.selector is None:
        yield Violation("/spec/portLevelMtls", "requires", "needs a selector: ports are those of certain workloads")
    for port in spec.port_level_mtls:
        if int(port) > 65535:
            yield Violation(pointer("spec", "portLevelMtls", port), "less_than_equal", "must be a port from 1 to 65535")

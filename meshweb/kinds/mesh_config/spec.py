"""MeshConfig: only what no document of the field has a place for."""

from __future__ import annotations

from collections.abc import Iterable

from meshweb.core.errors import Violation
from meshweb.core.ir.security import MtlsMode
from meshweb.kinds.base import Metadata, SpecModel
from meshweb.kinds.durations import Duration, milliseconds


class MeshConfigSpec(SpecModel):
    """defaultMtlsMode: where no PeerAuthentication says otherwise. connectTimeout: TCP connect to another workload (Istio: 10s)."""

    default_mtls_mode: MtlsMode = MtlsMode.STRICT
    connect_timeout: Duration = "10s"


def check(metadata: Metadata, spec: SpecModel) -> Iterable[Violation]:
    assert isinstance(spec, MeshConfigSpec)
    if metadata.name != "default":
        yield Violation("/metadata/name", "singleton", "there is one MeshConfig, named default")
    if milliseconds(spec.connect_timeout) == 0:
        yield Violation("/spec/connectTimeout", "greater_than", "must be more than 0")

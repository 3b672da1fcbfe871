"""`meshweb.io/v1` MeshConfig: the settings of the whole mesh that may change while it runs."""

from meshweb.core.builder import Phase
from meshweb.kinds.base import Kind
from meshweb.kinds.mesh_config.apply import apply, fail_closed
from meshweb.kinds.mesh_config.spec import MeshConfigSpec, check

MESH_CONFIG = Kind(
    api_version="meshweb.io/v1",
    kind="MeshConfig",
    plural="meshconfigs",
    namespaced=False,
    phase=Phase.MESH,
    spec=MeshConfigSpec,
    apply=apply,
    check=check,
    fail_closed=fail_closed,
    summary="Settings of the whole mesh; there is one, named default.",
    example={
        "apiVersion": "meshweb.io/v1",
        "kind": "MeshConfig",
        "metadata": {"name": "default"},
        "spec": {"defaultMtlsMode": "STRICT", "defaultAuthorization": "DENY", "connectTimeout": "10s"},
    },
)

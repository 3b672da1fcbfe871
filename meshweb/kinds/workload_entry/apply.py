"""A workload enters the mesh; which services it backs is decided by their selectors."""

from meshweb.core.builder import MeshBuilder
from meshweb.core.conditions import Condition
from meshweb.core.intent import Document
from meshweb.core.ir.services import Workload
from meshweb.core.names import ServiceRef
from meshweb.kinds.workload_entry.spec import UPSTREAMS_ANNOTATION, WorkloadEntrySpec


def apply(mesh: MeshBuilder, document: Document) -> None:
    spec = document.spec
    assert isinstance(spec, WorkloadEntrySpec)
    key = (document.namespace, document.name)
    workload = Workload(
        namespace=document.namespace,
        name=document.name,
        address=spec.address,
        # As in Istio, the document's own labels count too, and win.
        labels=frozenset({**spec.labels, **document.labels}.items()),
        ports=tuple(sorted(spec.ports.items())),
        service_account=spec.service_account,
        weight=spec.weight,
        locality=spec.locality or "",
        healthy=f"{document.namespace}/{document.name}" not in mesh.unhealthy,
    )
    mesh.put_workload(document, workload)
    upstreams = document.annotations.get(UPSTREAMS_ANNOTATION)
    if upstreams is not None:
        mesh.upstreams[key] = frozenset(
            _service(text.strip(), document.namespace) for text in upstreams.split(",") if text.strip()
        )
    mesh.report(document, Condition.accepted())


def _service(text: str, namespace: str) -> ServiceRef:
    head, _, tail = text.rpartition("/")
    return ServiceRef(head or namespace, tail)

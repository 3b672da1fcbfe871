"""Documents and rows for tests: the smallest that are valid, with what the test is about given by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from meshweb.kinds.registry import kind_named

if TYPE_CHECKING:  # documents are made also where Django is not set up
    from meshweb.controlplane.documents import Outcome
    from meshweb.store.models import Proxy

Json = dict[str, Any]


def document(kind: str, name: str, spec: Mapping[str, Any] | None = None, namespace: str = "shop", **metadata: Any) -> Json:
    known = kind_named(kind)
    assert known is not None
    meta: Json = {"name": name, **metadata}
    if known.namespaced:
        meta["namespace"] = namespace
    return {"apiVersion": known.api_version, "kind": known.document_kind, "metadata": meta, "spec": dict(spec or {})}


def namespace(name: str = "shop") -> Json:
    return document("Namespace", name)


def service(name: str, port: int = 8080, **labels: str) -> Json:
    return document("Service", name, {"selector": labels or {"app": name}, "ports": [{"name": "http", "port": port}]})


def group(name: str, port: int = 8080, **labels: str) -> Json:
    return document(
        "WorkloadGroup",
        name,
        {"metadata": {"labels": labels or {"app": name}}, "template": {"serviceAccount": name, "ports": {"http": port}}},
    )


def entry(name: str, address: str, account: str | None = None, port: int = 8080, **labels: str) -> Json:
    spec = {"address": address, "labels": labels or {"app": name}, "ports": {"http": port}, "serviceAccount": account or name}
    return document("WorkloadEntry", name, spec)


def route(name: str, backends: Mapping[str, int], parent: str | None = None, **rule: Any) -> Json:
    refs = [{"name": backend, "port": 8080, "weight": weight} for backend, weight in backends.items()]
    parents = [{"group": "", "kind": "Service", "name": parent or name, "port": 8080}]
    return document("HTTPRoute", name, {"parentRefs": parents, "rules": [{"backendRefs": refs, **rule}]})


def secret(name: str, values: Mapping[str, str], namespace: str = "shop") -> Json:
    """As Kubernetes has it; `values` in plain text."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": dict(values),
    }


def apply(*raws: Json) -> Outcome:
    from meshweb.controlplane import documents
    from meshweb.controlplane.actor import SYSTEM

    return documents.write(SYSTEM, documents.apply_wishes(raws), verb="apply")


def proxy(name: str, namespace: str = "shop", **fields: Any) -> Proxy:
    """A proxy that joined a minute ago and is not connected."""
    from django.utils import timezone

    from meshweb.store.models import Proxy

    defaults: Json = {
        "workload_group": name,
        "spiffe_id": f"spiffe://cluster.local/ns/{namespace}/sa/{name}",
        "mode": "explicit",
        "bind": "127.10.0.1",
        "app_address": "127.0.0.1",
        "loopback_range": "127.77.0.0/16",
        "joined_at": timezone.now() - timedelta(minutes=1),
    }
    return Proxy.objects.create(id=f"{namespace}/{name}", namespace=namespace, name=name, **{**defaults, **fields})

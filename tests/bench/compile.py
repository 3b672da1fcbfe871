"""`./dev bench compile`: what it costs to turn documents into configuration, whole and after one change.

1,000 services in 10 namespaces, 2,000 workloads with a proxy each (all of which see all services), 10 % of the services with an
HTTPRoute or VirtualService, 5 % with an AuthorizationPolicy. CPU time of one process on one core; the configuration after each change is
compared with that of a compiler that starts from nothing.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from meshweb.core.compile import Compilation, Compiler
from meshweb.core.intent import CaptureMode, Document, DocumentKey, Intent, MeshSettings, ProxyView
from meshweb.core.snapshot import PUSH_ORDER
from meshweb.kinds.parse import parse_document
from meshweb.kinds.registry import KINDS, served_by
from tests.bench.numbers import heading, summary

Json = dict[str, Any]
_START = datetime(2026, 1, 1, tzinfo=UTC)


def documents(services: int, workloads: int) -> Iterator[Json]:
    for index in range(services):
        name, namespace = f"s{index}", f"n{index % 10}"
        yield _document(
            "v1", "Service", name, namespace, {"selector": {"app": name}, "ports": [{"name": "http", "port": 8080}]}
        )
        if index % 20 == 0:
            yield _route(name, namespace, 90)
        elif index % 20 == 10:
            yield _virtual_service(name, namespace)
        if index % 20 == 5:
            source = {"source": {"principals": [f"cluster.local/ns/{namespace}/sa/s{index - 5}"]}}
            spec = {"selector": {"matchLabels": {"app": name}}, "rules": [{"from": [source]}]}
            yield _document("security.istio.io/v1", "AuthorizationPolicy", name, namespace, spec)
    for index in range(workloads):
        yield _workload(index, services, f"10.{index // 65536}.{index // 256 % 256}.{index % 256}")


def _workload(index: int, services: int, address: str) -> Json:
    app = index % services
    spec = {"address": address, "labels": {"app": f"s{app}"}, "serviceAccount": f"s{app}", "ports": {"http": 8080}}
    return _document("networking.istio.io/v1", "WorkloadEntry", f"w{index}", f"n{app % 10}", spec)


def _route(name: str, namespace: str, weight: int) -> Json:
    backends = [{"name": name, "port": 8080, "weight": weight}, {"name": f"s{int(name[1:]) + 10}", "port": 8080, "weight": 10}]
    parent = {"group": "", "kind": "Service", "name": name, "port": 8080}
    return _document(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        name,
        namespace,
        {"parentRefs": [parent], "rules": [{"backendRefs": backends}]},
    )


def _virtual_service(name: str, namespace: str) -> Json:
    routes = [
        {"match": [{"uri": {"prefix": "/api"}}], "route": [{"destination": {"host": name}}], "timeout": "2s"},
        {"route": [{"destination": {"host": name}}]},
    ]
    return _document("networking.istio.io/v1", "VirtualService", name, namespace, {"hosts": [name], "http": routes})


def _document(version: str, kind: str, name: str, namespace: str, spec: Json) -> Json:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


class Mesh:
    """The intent, and how it changes."""

    def __init__(self, services: int, workloads: int) -> None:
        found: dict[DocumentKey, Document] = {}
        addresses = {}
        numbers, ports = count(), count()
        for index, raw in enumerate(documents(services, workloads)):
            document = self.parsed(raw, index)
            found[document.key] = document
            for service, numbers_ in served_by(document.key, document.spec):
                addresses[service, 0] = next(numbers)
                addresses |= {(service, number): next(ports) for number in numbers_}
        views = {
            f"{key.namespace}/{key.name}": ProxyView(key.namespace, key.name, CaptureMode.EXPLICIT, "127.0.0.1")
            for key in found
            if key.kind == "WorkloadEntry"
        }
        self.services = services
        self.intent = Intent(1, found, MeshSettings(), views, addresses)

    @staticmethod
    def parsed(raw: Json, index: int = 0) -> Document:
        one = parse_document(raw)
        meta = one.metadata
        return Document(one.key, one.spec, meta.labels, meta.annotations, _START + timedelta(seconds=index))

    def change(self, raw: Json) -> None:
        new = self.parsed(raw)
        kept = self.intent.documents[new.key]
        changed = {**self.intent.documents, new.key: replace(new, created=kept.created, generation=kept.generation + 1)}
        self.intent = replace(self.intent, revision=self.intent.revision + 1, documents=changed)


def content(compilation: Compilation) -> dict[str, Any]:
    return {p: [s.section_versions(t) for t in PUSH_ORDER] for p, s in compilation.snapshots.items()}


def measure(compiler: Compiler, mesh: Mesh, change: Callable[[int], None], rounds: int) -> list[float]:
    """CPU milliseconds of each recompilation. Raises AssertionError when one differs from a compilation from nothing."""
    found = []
    for index in range(rounds):
        change(index)
        begun = time.process_time()
        compilation = compiler.compile(mesh.intent)
        found.append((time.process_time() - begun) * 1000)
    assert content(compilation) == content(Compiler(KINDS).compile(mesh.intent)), "incremental and full compilation differ"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--workloads", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=50)
    options = parser.parse_args()
    mesh = Mesh(options.services, options.workloads)
    print(heading("./dev bench compile"))
    print(f"{options.services} services, {options.workloads} workloads, {len(mesh.intent.documents)} documents")
    gc.collect()
    gc.freeze()
    begun = time.process_time()
    compiler = Compiler(KINDS)
    compiler.compile(mesh.intent)
    print(f"full compile          {(time.process_time() - begun) * 1000:.0f} ms")

    def route(index: int) -> None:
        mesh.change(_route("s0", "n0", index))

    def endpoint(index: int) -> None:
        mesh.change(_workload(7, options.services, f"10.9.9.{index + 1}"))

    def health(index: int) -> None:
        unhealthy = frozenset({"n3/w3"}) if index % 2 == 0 else frozenset()
        mesh.intent = replace(mesh.intent, unhealthy=unhealthy)

    for name, change in (("one route change", route), ("one endpoint change", endpoint), ("one probe change", health)):
        print(f"{name:21} {summary(measure(compiler, mesh, change, options.rounds))}")


if __name__ == "__main__":
    main()

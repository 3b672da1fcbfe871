"""`./dev bench access`: who may call whom, over all requests: a page of the matrix, and what a change does to edges that were seen.

A mesh of so many services, two workloads and one AuthorizationPolicy each, that names five callers and a method. CPU time of one process.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from meshweb.core.builder import MeshBuilder
from meshweb.core.mesh import build_mesh
from meshweb.core.names import ServiceRef
from meshweb.core.reach import Map
from meshweb.core.reach_changes import SeenEdge, changes
from meshweb.kinds.registry import KINDS
from tests import factories as make
from tests.bench.numbers import heading
from tests.golden.rig import intent_of


def documents(count: int) -> list[dict[str, Any]]:
    found = [make.namespace()]
    for number in range(count):
        name, labels = f"s{number}", {"app": f"s{number}"}
        found += [
            make.service(name),
            *(make.entry(f"{name}-{n}", f"10.{number // 250}.{number % 250}.{n}", name) for n in (1, 2)),
        ]
        for entry in found[-2:]:
            entry["spec"]["labels"] = labels
        principals = [f"cluster.local/ns/shop/sa/s{(number + step) % count}" for step in range(5)]
        rule = {"from": [{"source": {"principals": principals}}], "to": [{"operation": {"methods": ["GET"]}}]}
        found.append(make.document("AuthorizationPolicy", name, {"selector": {"matchLabels": labels}, "rules": [rule]}))
    return found


def _page(mesh: MeshBuilder, services: int) -> None:
    access = Map(mesh)
    for number in range(services):
        for caller in access.callers.values():
            access.reached(caller.identities, mesh.services[ServiceRef("shop", f"s{number}")])


def _cpu(work: Callable[[], object]) -> str:
    begun = time.process_time()
    work()
    return f"{time.process_time() - begun:.2f} s CPU"


def run(count: int, page: int, edges: int) -> None:
    """page: services of one answer."""
    mesh = build_mesh(intent_of(documents(count), {}), KINDS)
    seen = [SeenEdge(f"shop/s{n % count}", f"shop/s{n * 7 % count}") for n in range(edges)]
    heading(f"{count} services, each with two workloads and a policy")
    print(f"matrix, {page} services and {count} callers   {_cpu(lambda: _page(mesh, page))}")
    print(f"impact on {edges} edges that were seen   {_cpu(lambda: list(changes(Map(mesh), Map(mesh), seen)))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    run(100, 100, 500)
    run(1000, 50, 5000)


if __name__ == "__main__":
    main()

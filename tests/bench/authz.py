"""`./dev bench authz`: what AuthorizationPolicies cost. One workload with 1,000 of them, on a real Envoy.

Requests go one after another over one HTTP/2 connection with mTLS, straight to the sidecar, without policies and with: what is
added is the difference. The request is admitted by the last policy, so that all have been tried. Times of requests are wall time, the
others CPU time of one process.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from meshweb.core.authorization import Call
from meshweb.core.compile import Compilation
from meshweb.core.explain import Explainer, Question
from tests.bench.numbers import heading, summary
from tests.traffic.cases import Case, File
from tests.traffic.mesh import HTTP
from tests.traffic.model import Request
from tests.traffic.rig import Rig
from tests.xds.fakes import MemoryCounters

_WARM = 200


def policies(count: int) -> Iterator[dict[str, Any]]:
    """All ALLOW but each tenth; the last admits the caller."""
    for index in range(count):
        last = index == count - 1
        source = {"principals": ["cluster.local/ns/shop/sa/web" if last else f"cluster.local/ns/n{index % 50}/sa/s{index}"]}
        operation = {"paths": [f"/api/v{index}/*" if not last else "/*"], "methods": ["GET"]}
        yield {
            "apiVersion": "security.istio.io/v1",
            "kind": "AuthorizationPolicy",
            "metadata": {"name": f"p{index}", "namespace": "shop"},
            "spec": {
                "selector": {"matchLabels": {"app": "api"}},
                "action": "DENY" if index % 10 == 0 and not last else "ALLOW",
                "rules": [{"from": [{"source": source}], "to": [{"operation": operation}]}],
            },
        }


async def _measure(
    rig: Rig, name: str, documents: list[dict[str, Any]], requests: int
) -> tuple[list[float], float, Compilation]:
    """Milliseconds of each request, MiB of Envoy, and what was compiled."""
    compilation = await rig.use(Case(f"bench/{name}", File(documents=yaml.safe_dump_all(documents, sort_keys=False))))
    request = Request("GET", "/x", "api.shop", tls=True, identity="shop/web", sni="api.shop")
    answers = await rig.calls.many("h2", (rig.vms["shop/api-1"].bind, HTTP), [request] * (requests + _WARM), 1)
    if denied := [answer.status for answer in answers if answer.status == 403 or not answer.status]:
        raise SystemExit(f"{len(denied)} requests were not admitted: {denied[:3]}")
    return [answer.elapsed_ms for answer in answers[_WARM:]], _resident(rig.sidecars.by_id["shop/api-1"].pid), compilation


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def _cpu_ms(work: Any) -> float:
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1000


async def run(count: int, requests: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        rig = Rig(Path(directory), MemoryCounters())
        try:
            await rig.start()
            plain, memory, _ = await _measure(rig, "none", [], requests)
            documents = list(policies(count))
            guarded, more, compilation = await _measure(rig, "all", documents, requests)
            again = Case("bench/again", File(documents=yaml.safe_dump_all(documents, sort_keys=False)))
            compiled = _cpu_ms(lambda: rig.compile(again))
            question = Question("shop/web-1", "shop/api", HTTP, Call(path="/x", host="api.shop", source_ip="127.0.0.1"))
            stranger = replace(question, caller="other/client-1")
            explainer = Explainer(compilation.mesh)
            first = _cpu_ms(lambda: explainer.explain(question))
            explained = [_cpu_ms(lambda: explainer.explain(question)) for _ in range(200)]
            denied = [_cpu_ms(lambda: explainer.explain(stranger)) for _ in range(200)]
        finally:
            await rig.stop()
    heading(f"{count} AuthorizationPolicies on one workload")
    print(f"request without policies   {summary(plain)}")
    print(f"request with all of them   {summary(guarded)}")
    print(f"Envoy's memory             {memory:.0f} MiB without, {more:.0f} MiB with")
    print(f"parse and compile them all {compiled:.0f} ms CPU")
    print(f"explain the first call     {first:.0f} ms CPU: rules are made ready")
    print(f"explain one that is allowed {summary(explained)} CPU")
    print(f"explain one that is denied  {summary(denied)} CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policies", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=5000)
    options = parser.parse_args()
    asyncio.run(run(options.policies, options.requests))


if __name__ == "__main__":
    main()

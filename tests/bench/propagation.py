"""How long a change takes: REST PATCH of a weight -> 2xx -> Envoy's ACK -> first request on the new route.

Everything as in production: PostgreSQL, Valkey, Celery, the xDS server, agents and real Envoys, on one machine.
`./dev bench propagation [--changes 200]`
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

import httpx

from tests import factories as make
from tests.agent.rig import get
from tests.bench.numbers import heading, summary
from tests.e2e.conftest import DOCUMENTS
from tests.e2e.rig import ControlPlane, Vm, running

_WARM_UP = 10
_POLL_SECONDS = 0.002


async def _first_request(place: tuple[str, int], account: str) -> float:
    """When the first answer of the new backend came (its identity is in the header that its sidecar adds)."""
    while True:
        status, _, body = await get(*place)
        assert status == 200, body
        if f"By=spiffe://cluster.local/ns/shop/sa/{account}" in body.decode():
            return time.time()
        # Calls without a pause would take a core from what is measured; the answer is at most this much late.
        await asyncio.sleep(_POLL_SECONDS)


async def measure(changes: int) -> Mapping[str, list[float]]:
    legs: defaultdict[str, list[float]] = defaultdict(list)
    plane = ControlPlane()
    web, a, b = Vm(plane, 1, "web"), Vm(plane, 2, "pay-a"), Vm(plane, 3, "pay-b")
    async with running(plane, (web, a, b)):
        await plane.start()
        await plane.apply(*DOCUMENTS)
        for vm in (web, a, b):
            await vm.join()
        await plane.synced(web.proxy, a.proxy, b.proxy)
        place = await web.place("pay")
        token = (plane.data_dir / "admin.token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "If-Match": "*", "Content-Type": "application/merge-patch+json"}
        async with httpx.AsyncClient(base_url=f"{plane.url}/api/v1/", headers=headers, timeout=30, trust_env=False) as client:
            for number in range(-_WARM_UP, changes):
                to_a = number % 2 == 0
                spec = make.route("pay", {"pay-a": int(to_a), "pay-b": int(not to_a)})["spec"]
                begun = time.time()
                answer = await client.patch("httproutes/shop/pay", json={"spec": {"rules": spec["rules"]}})
                answered = time.time()
                assert answer.status_code == 200, answer.text
                arrived = await _first_request(place, "pay-a" if to_a else "pay-b")
                revision = answer.headers["Meshweb-Revision"]
                standing = (await client.get(f"revisions/{revision}?wait=10s")).json()
                fate = next(p for p in standing["proxies"] if p["id"] == web.proxy)
                created, compiled, sent, acked = (
                    datetime.fromisoformat(text).timestamp()
                    for text in (standing["createdAt"], standing["compiledAt"], fate["sentAt"], fate["at"])
                )
                if number >= 0:
                    legs["  PATCH -> write begins"].append((created - begun) * 1000)
                    legs["  -> compiled"].append((compiled - created) * 1000)
                    legs["  -> stored, read and sent"].append((sent - compiled) * 1000)
                    legs["  -> ACK"].append((acked - sent) * 1000)
                    legs["PATCH -> 2xx"].append((answered - begun) * 1000)
                    legs["PATCH -> ACK"].append((acked - begun) * 1000)
                    legs["PATCH -> first request"].append((arrived - begun) * 1000)
    return legs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=200)
    options = parser.parse_args()
    legs = asyncio.run(measure(options.changes))
    print(heading(f"./dev bench propagation --changes {options.changes}"))
    for name, values in legs.items():
        print(f"{name:28} {summary(values)}")


if __name__ == "__main__":
    main()

"""What a fleet costs: first configuration of N proxies, then one endpoint change and one route change that reach all of them.

`./dev bench fanout --proxies 1000 --services 100` and `--proxies 2000 --services 1000 --upstreams 10`. The control plane is the real one;
the proxies are streams of `tests.bench.fleet`, on the same machine, so wall times include the clients' own work.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from datetime import UTC, datetime
from typing import Any

from meshweb.core.snapshot import TypeUrl
from tests import factories as make
from tests.bench.fleet import Fleet, Member
from tests.bench.numbers import cpu_seconds, heading, memory_mebibytes, summary, tree
from tests.e2e.rig import ControlPlane, running

_SETTLE_SECONDS = 0.25


def _documents(services: int, proxies: int, upstreams: int) -> list[dict[str, Any]]:
    """Two endpoints a service at least; each proxy is a workload. `upstreams`: how many services a proxy sees (0: all)."""
    found = [make.namespace(), *(make.service(f"s{i}") for i in range(services)), make.route("s0", {"s0": 1, "s1": 1})]
    for number in range(proxies):
        own = number % services
        entry = make.entry(f"p{number}", f"127.{100 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}", app=f"s{own}")
        entry["spec"]["serviceAccount"] = f"s{own}"
        if upstreams:
            seen = ["s0", *(f"s{(own * 7 + step) % services}" for step in range(upstreams - 1))]
            entry["metadata"]["annotations"] = {"meshweb.io/upstreams": ",".join(seen)}
        found.append(entry)
    return found


def _enrol(plane: ControlPlane, services: int, proxies: int) -> list[Member]:
    """Proxies and their certificates straight into the database: joining 2000 agents is another benchmark."""
    os.environ |= {k: v for k, v in plane.environment.items() if k.startswith("MESHWEB_")}
    os.environ["DATABASE_URL"] = plane.database_url
    os.environ["DJANGO_SETTINGS_MODULE"] = "meshweb.config.settings"
    import django

    django.setup()
    from meshweb.controlplane.authority import authority
    from meshweb.identity import issue, keys
    from meshweb.identity.spiffe_id import SpiffeId
    from meshweb.store.models import Certificate, MeshState

    mesh, now, members = authority(), datetime.now(UTC), []
    for number in range(proxies):
        account = f"s{number % services}"
        identity = SpiffeId("cluster.local", "shop", account)
        proxy = make.proxy(f"p{number}", workload_group=account, spiffe_id=str(identity), bind="127.0.0.1")
        key = keys.make_key()
        leaf = issue.issue_leaf(mesh.intermediate, key.public_key(), identity, now)
        chain = issue.pem(leaf, *mesh.intermediate.chain)
        Certificate.objects.create(
            serial=issue.serial_hex(leaf.serial_number),
            proxy=proxy,
            spiffe_id=str(identity),
            not_before=leaf.not_valid_before_utc,
            not_after=leaf.not_valid_after_utc,
            issued_at=now,
            chain=chain,
        )
        members.append(Member(proxy.id, keys.private_key_pem(key).reveal(), chain.encode(), mesh.roots.encode()))
    state = MeshState.objects.get(id=1)
    state.compile_epoch += 1
    state.save()
    return members


async def _apply(plane: ControlPlane, documents: list[dict[str, Any]]) -> int:
    revision = 0
    for start in range(0, len(documents), 1000):
        answer = await plane.call("POST", "apply", documents[start : start + 1000])
        assert answer.status_code == 200, answer.text[:500]
        revision = answer.json()["revision"]
    return revision


async def _settled(fleet: Fleet, ready: Any, what: str, seconds: float = 180) -> Any:
    end = time.monotonic() + seconds
    while True:
        found = fleet.digest()
        errors = {p: e for p, (_, e, _) in found.items() if e}
        assert not errors, f"{len(errors)} streams ended: {next(iter(errors.items()))}"
        if ready(found):
            return found
        assert time.monotonic() < end, f"{what}: not in {seconds:g} s"
        await asyncio.sleep(_SETTLE_SECONDS)


async def measure(proxies: int, services: int, upstreams: int) -> None:
    plane = ControlPlane(MESHWEB_REPORT_SECONDS="60")
    async with running(plane, ()):
        await plane.start()
        await _apply(plane, _documents(services, proxies, upstreams))
        members = await asyncio.to_thread(_enrol, plane, services, proxies)
        print(f"{len(members)} proxies enrolled, waiting for the first compilation")
        await plane.until_compiled()
        fleet = Fleet(members, f"127.0.0.1:{plane.xds_port}", processes=2)
        try:
            await _first(plane, fleet, proxies)
            await _change(plane, fleet, "one endpoint", TypeUrl.ENDPOINT, make.entry("p0", "127.0.0.99", app="s0"))
            await _change(plane, fleet, "one route", TypeUrl.ROUTE, make.route("s0", {"s0": 3, "s1": 1}))
        finally:
            fleet.stop()


async def _first(plane: ControlPlane, fleet: Fleet, proxies: int) -> None:
    servers = tree(plane.pid)
    before, begun = cpu_seconds(servers), time.time()
    fleet.start()

    def complete(found: dict[str, Any]) -> bool:
        """Every stream holds an assignment for each cluster and routes for each listener, and nothing moved for a moment."""
        whole = all(
            counts[TypeUrl.LISTENER.value] and counts[TypeUrl.ROUTE.value] and counts[TypeUrl.ENDPOINT.value]
            for _, _, counts in found.values()
        )
        return whole and time.time() - max(changed for changed, _, _ in found.values()) > 4 * _SETTLE_SECONDS

    found = await _settled(fleet, complete, "first configuration")
    times = [(changed - begun) * 1000 for changed, _, _ in found.values()]
    sample = next(iter(found.values()))[2]
    held = ", ".join(f"{count} {url.rpartition('.')[2]}" for url, count in sample.items() if count)
    print(f"first configuration of {proxies} proxies ({held} each)")
    print(f"  to the last ACK     {summary(times)}")
    print(f"  CPU of all servers  {cpu_seconds(servers) - before:.1f} s;  memory {memory_mebibytes(servers):.0f} MiB")


async def _change(plane: ControlPlane, fleet: Fleet, what: str, type_url: TypeUrl, document: dict[str, Any]) -> None:
    name = "outbound|8080||s0.shop.svc.cluster.local"
    await plane.settle_status()
    old = {proxy: version for proxy, (_, version) in fleet.versions_of(type_url, name).items() if version is not None}
    servers = tree(plane.pid)
    before, begun = cpu_seconds(servers), time.time()
    await _apply(plane, [document])
    answered = time.time()
    end = time.monotonic() + 60
    while True:
        found = fleet.versions_of(type_url, name)
        if all(found[proxy][1] != version for proxy, version in old.items()):
            break
        assert time.monotonic() < end, f"{what}: not everybody in 60 s"
        await asyncio.sleep(_SETTLE_SECONDS / 5)
    versions = {found[proxy][1] for proxy in old}
    assert len(versions) == 1, "all received the same version"
    times = [(found[proxy][0] - begun) * 1000 for proxy in old]
    await plane.settle_status()
    print(f"{what}, {len(old)} proxies (apply answered after {(answered - begun) * 1000:.0f} ms)")
    print(f"  apply -> ACK        {summary(times)}")
    print(f"  CPU of all servers  {cpu_seconds(servers) - before:.2f} s;  memory {memory_mebibytes(servers):.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxies", type=int, default=1000)
    parser.add_argument("--services", type=int, default=100)
    parser.add_argument("--upstreams", type=int, default=0)
    options = parser.parse_args()
    arguments = f"--proxies {options.proxies} --services {options.services}"
    if options.upstreams:
        arguments += f" --upstreams {options.upstreams}"
    print(heading(f"./dev bench fanout {arguments}"))
    asyncio.run(measure(options.proxies, options.services, options.upstreams))


if __name__ == "__main__":
    main()

"""What agents say reaches the database, also beside what the database does not take."""

from __future__ import annotations

import asyncio
import time

import pytest
from django.db import DataError, OperationalError, connections
from django.utils import timezone

from meshweb.config.adapters.agents import Agents
from meshweb.config.adapters.blocking import Threads
from meshweb.config.adapters.snapshots import DatabaseSnapshots
from meshweb.config.adapters.status import DatabaseStatus
from meshweb.controlplane.observations import Acked, Nacked, Sent, record
from meshweb.controlplane.snapshot_store import SnapshotStore
from meshweb.core.snapshot import Section, Snapshot, TypeUrl, XdsResource
from meshweb.store import sealing
from meshweb.store.models import ConfigBlob, MeshState, Proxy, ProxyTypeState
from meshweb.telemetry.reports import Report
from meshweb.xds.ports import ProxyIdentity, Unavailable
from tests import factories as make

_LDS = TypeUrl.LISTENER


def _identity(name: str) -> ProxyIdentity:
    return ProxyIdentity(f"shop/{name}", f"spiffe://cluster.local/ns/shop/sa/{name}", "1", time.time() + 60)


@pytest.fixture
def threads(transactional_db: None) -> Threads:
    MeshState.objects.create(id=1)
    for name in ("a", "b"):
        make.proxy(name)
    return Threads(1, "test")


def test_one_fact_that_cannot_be_written_takes_no_other_with_it(threads: Threads) -> None:
    async def main() -> None:
        status = DatabaseStatus(threads, "x/")
        await status.start()
        status.connected(_identity("a"), stream="1", agent_version="bad\0", envoy_version="1", at=time.time())
        status.sent("shop/a", type_url=_LDS, version="v", revision=1, at=time.time())
        status.nacked("shop/a", type_url=_LDS, version="v", revision=1, detail="no\0listener", at=time.time())
        status.connected(_identity("b"), stream="2", agent_version="good", envoy_version="1", at=time.time())
        await status.stop()
        await threads.run(connections.close_all)

    asyncio.run(main())
    assert Proxy.objects.get(name="b").stream == "x/2"
    assert ProxyTypeState.objects.get(proxy_id="shop/a").nack_detail == "nolistener"


@pytest.mark.parametrize(("raised", "seen"), [(OperationalError, Unavailable), (DataError, DataError)])
def test_only_what_may_succeed_later_is_called_unavailable(
    threads: Threads, raised: type[Exception], seen: type[Exception]
) -> None:
    def fail() -> None:
        raise raised("x")

    async def main() -> None:
        with pytest.raises(seen):
            await threads.run(fail)

    asyncio.run(main())


def test_a_report_with_any_text_is_written_beside_others(threads: Threads) -> None:
    async def main() -> None:
        agents = Agents(threads)
        denials = [{"source": "\0", "count": 1}]
        reports = [
            {
                "sequence": 1,
                "seconds": 5,
                "health": {"state": "unhealthy", "reason": f"{name}\0"},
                "denials": denials,
            }
            for name in ("a", "b")
        ]
        await asyncio.gather(*(agents.report(_identity(name), report) for name, report in zip("ab", reports, strict=True)))
        await threads.run(connections.close_all)

    assert (
        Report.model_validate({"sequence": 1, "seconds": 1, "denials": [{"source": "\0x", "count": 1}]}).denials[0].source
        == "x"
    )
    asyncio.run(main())
    assert set(Proxy.objects.values_list("health_reason", flat=True)) == {"a", "b"}


def test_a_refusal_that_was_mended_in_the_same_batch_does_not_stay(threads: Threads) -> None:
    now = time.time()
    record(
        [
            Sent("shop/a", _LDS.value, "v1", 1, now),
            Nacked("shop/a", _LDS.value, "v1", 1, "bad", now),
            Sent("shop/a", _LDS.value, "v2", 2, now),
            Acked("shop/a", _LDS.value, "v2", 2, now),
            Sent("shop/b", _LDS.value, "v1", 1, now),
            Acked("shop/b", _LDS.value, "v0", 1, now),
            Nacked("shop/b", _LDS.value, "v1", 1, "bad", now),
        ]
    )
    assert dict(ProxyTypeState.objects.values_list("proxy_id", "nacked_version")) == {"shop/a": "", "shop/b": "v1"}


def test_secrets_are_sealed_on_their_way_through_the_database(threads: Threads) -> None:
    sealing.make_key_file()
    sealing.key_ring.cache_clear()
    secret, cluster = XdsResource.of("shop/tls", b"PRIVATE KEY"), XdsResource.of("a", b"a cluster")
    sections = {TypeUrl.SECRET: (Section.of([secret]),), TypeUrl.CLUSTER: (Section.of([cluster]),)}
    store, snapshots = SnapshotStore(), {"shop/a": Snapshot(1, sections)}
    store.store(1, 0, store.changed(snapshots, 0), snapshots, timezone.now())
    assert {blob.sealed: b"PRIVATE" in bytes(blob.body) for blob in ConfigBlob.objects.all()} == {True: False, False: False}
    assert bytes(ConfigBlob.objects.get(sealed=False).body) == cluster.body
    source = DatabaseSnapshots(threads)

    async def main() -> None:
        await source.refresh()
        await threads.run(connections.close_all)

    asyncio.run(main())
    found = source.snapshot("shop/a")
    assert found is not None
    assert found.resource(TypeUrl.SECRET, "shop/tls") == secret
    assert found.resource(TypeUrl.CLUSTER, "a") == cluster

"""An agent as gateway: real agent, real Envoy, a control plane in memory."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest_asyncio

from meshweb.core.snapshot import TypeUrl, XdsResource
from meshweb.identity.spiffe_id import SpiffeId
from tests import certificates, https
from tests.agent import configs
from tests.agent.rig import AgentProcess, ControlPlane, command, until

PORT = 18443
PROXY = "shop/edge-1"
SHOP, OTHER = "shop.example.com", "other.example.com"
_slices = itertools.count(os.getpid() % 200)


@dataclass
class Edge:
    """The gateway proxy `shop/edge-1`."""

    control_plane: ControlPlane
    agent: AgentProcess
    bind: str
    revision: int = 0
    served: dict[str, str] = field(default_factory=dict)

    def serve(self, **secrets: str) -> None:
        """Server name (`_` for `.`) -> name of its secret."""
        self.served = {name.replace("_", "."): secret for name, secret in secrets.items()}

    async def publish(self, *secrets: tuple[TypeUrl, XdsResource], wait: bool = True) -> None:
        self.revision += 1
        listener = configs.https(self.bind, PORT, self.served)
        self.control_plane.source.set(PROXY, configs.snapshot(self.revision, listener, *secrets))
        if wait:
            await self.control_plane.status.wait("live", PROXY, revision=self.revision)

    async def shown(self, name: str = SHOP) -> bytes | None:
        return await https.certificate(self.bind, PORT, name)

    async def until_shown(self, wanted: certificates.Pair | None, name: str = SHOP) -> None:
        der = wanted.der if wanted is not None else None

        async def there() -> bool:
            return await self.shown(name) == der

        await until(there, f"{name} shows its certificate", 15)

    async def status(self) -> dict[str, Any]:
        _, found = await command(self.agent.data_dir, "status")
        return found if isinstance(found, dict) else {}


@pytest_asyncio.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    control_plane = ControlPlane()
    await control_plane.start()
    bind = f"127.{128 + next(_slices) % 100}.9.1"
    flags = ["--name", "edge-1", "--gateway", "ingress", "--bind", bind, "--concurrency", "1", "--drain-seconds", "1"]
    agent = AgentProcess(tmp_path / "edge-1", flags, control_plane.token(SpiffeId("cluster.local", "shop", "edge")))
    yield Edge(control_plane, agent, bind)
    agent.clean_up()
    await control_plane.stop()
    print(agent.log)
    log = agent.data_dir / "envoy.log"
    print(log.read_text()[-6000:] if log.exists() else "no log of Envoy")


async def test_the_gateway_is_remembered_and_told(edge: Edge) -> None:
    agent, told = edge.agent, edge.control_plane.configured

    async def shown() -> bool:
        return (await edge.status()).get("gateway") == "ingress"

    await agent.start()
    await until(lambda: len(told) == 1, "the agent says how it runs")
    await until(shown, "the status shows it")
    assert await agent.stop() == 0
    agent.arguments = []
    await agent.start()
    await until(lambda: len(told) == 2, "it says so again")
    assert [payload["gateway"] for _, payload in told] == ["ingress", "ingress"]
    assert await agent.stop() == 0
    agent.arguments = ["--gateway", "", "--mode", "explicit"]
    await agent.start()
    await until(lambda: len(told) == 3, "it is a sidecar again")
    assert (told[2][1]["gateway"], told[2][1]["bind"]) == ("", edge.bind)


# --- secrets of the control plane -------------------------------------------------------------------------------------


async def test_a_secret_that_is_not_there_answers_nobody_and_delays_nobody(edge: Edge) -> None:
    """Without a word about a secret Envoy would wait for 15 seconds before it opens the listener."""
    pair = certificates.server(SHOP)
    edge.serve(shop_example_com="shop/tls", other_example_com="not-available/shop/other")
    await edge.publish(configs.key_pair("shop/tls", pair.certificate, pair.key), wait=False)
    await edge.agent.start()
    await edge.control_plane.status.wait("live", PROXY, revision=1)
    begun = time.monotonic()
    await edge.until_shown(pair)
    assert await edge.shown(OTHER) is None
    assert time.monotonic() - begun < 4
    other = certificates.server(OTHER)
    edge.serve(shop_example_com="shop/tls", other_example_com="shop/other")
    pairs = (
        configs.key_pair("shop/tls", pair.certificate, pair.key),
        configs.key_pair("shop/other", other.certificate, other.key),
    )
    await edge.publish(*pairs)
    await edge.until_shown(other, OTHER)
    edge.serve(shop_example_com="shop/tls", other_example_com="not-available/shop/other")
    await edge.publish(pairs[0])
    await edge.until_shown(None, OTHER)
    assert await edge.shown() == pair.der


async def test_a_renewed_secret_is_live_without_a_dropped_connection(edge: Edge) -> None:
    pairs = [certificates.server(SHOP) for _ in range(6)]
    edge.serve(shop_example_com="shop/tls")
    await edge.publish(configs.key_pair("shop/tls", pairs[0].certificate, pairs[0].key), wait=False)
    await edge.agent.start()
    await edge.until_shown(pairs[0])
    ended = asyncio.Event()
    calls, handshakes, failures = 0, 0, []

    async def keep_calling() -> None:
        nonlocal calls
        async with https.Connection(edge.bind, PORT, SHOP) as connection:
            while not ended.is_set():
                assert (await connection.get())[0] == 200
                calls += 1

    async def keep_connecting() -> None:
        nonlocal handshakes
        while not ended.is_set():
            try:
                async with https.Connection(edge.bind, PORT, SHOP) as connection:
                    assert (await connection.get())[0] == 200
                handshakes += 1
            except (OSError, asyncio.IncompleteReadError) as error:
                failures.append(repr(error))

    workers = [asyncio.create_task(work()) for work in (keep_calling, keep_calling, keep_connecting, keep_connecting)]
    try:
        for pair in pairs[1:]:
            before = handshakes
            await edge.publish(configs.key_pair("shop/tls", pair.certificate, pair.key))
            await edge.until_shown(pair)
            await until(lambda n=before: handshakes >= n + 20, "more connections")
    finally:
        ended.set()
        results = await asyncio.gather(*workers, return_exceptions=True)
    assert failures == []
    assert results == [None] * 4
    assert calls > 100


async def test_secrets_outlive_the_control_plane(edge: Edge) -> None:
    pair = certificates.server(SHOP)
    edge.serve(shop_example_com="shop/tls", other_example_com="not-available/shop/other")
    await edge.publish(configs.key_pair("shop/tls", pair.certificate, pair.key), wait=False)
    await edge.agent.start()
    await edge.until_shown(pair)
    kept = edge.agent.data_dir / "snapshot.bin"
    await until(lambda: kept.exists() and b"PRIVATE KEY" in kept.read_bytes(), "it is on disk")
    assert {path.name: oct(path.stat().st_mode & 0o077) for path in edge.agent.data_dir.glob("*.bin")} == {
        "snapshot.bin": "0o0"
    }
    await edge.control_plane.stop_xds()
    assert await edge.agent.stop() == 0
    assert await edge.shown() is None
    await edge.agent.start()
    begun = time.monotonic()
    await edge.until_shown(pair)
    assert time.monotonic() - begun < 10, "nor does one that is nowhere delay anybody now"
    assert await edge.shown(OTHER) is None
    renewed = certificates.server(SHOP)
    edge.revision += 1
    listener = configs.https(edge.bind, PORT, edge.served)
    secret = configs.key_pair("shop/tls", renewed.certificate, renewed.key)
    edge.control_plane.source.set(PROXY, configs.snapshot(edge.revision, listener, secret))
    await edge.control_plane.start_xds()
    await edge.control_plane.status.wait("live", PROXY, revision=edge.revision, timeout=40)
    await edge.until_shown(renewed)
    for path in (edge.agent.data_dir / "status.json", edge.agent.data_dir / "envoy.log"):
        assert "PRIVATE KEY" not in path.read_text()
    assert "PRIVATE KEY" not in edge.agent.log


async def test_a_bad_secret_is_refused_in_envoys_words(edge: Edge) -> None:
    pair, other = certificates.server(SHOP), certificates.server(SHOP)
    edge.serve(shop_example_com="shop/tls")
    await edge.publish(configs.key_pair("shop/tls", pair.certificate, pair.key), wait=False)
    await edge.agent.start()
    await edge.until_shown(pair)
    await edge.publish(configs.key_pair("shop/tls", pair.certificate, other.key), wait=False)
    nacked = await edge.control_plane.status.wait("nacked", PROXY)
    assert nacked["type_url"] is TypeUrl.SECRET
    assert nacked["detail"]
    assert other.key.splitlines()[1] not in str(nacked)
    assert await edge.shown() == pair.der


# --- secrets of files -------------------------------------------------------------------------------------------------


def _write(directory: Path, pair: certificates.Pair) -> tuple[Path, Path]:
    places = (directory / "tls.crt", directory / "tls.key")
    for place, text in zip(places, (pair.certificate, pair.key), strict=True):
        place.write_text(text)
    return places


async def test_certificates_of_files(edge: Edge, tmp_path: Path) -> None:
    allowed, elsewhere = tmp_path / "allowed", tmp_path / "elsewhere"
    allowed.mkdir()
    elsewhere.mkdir()
    pair, renewed = certificates.server(SHOP), certificates.server(SHOP)
    crt, key = _write(allowed, pair)
    _write(elsewhere, pair)
    (allowed / "link.key").symlink_to(elsewhere / "tls.key")
    name = f"file-cert:{crt}~{key}"
    edge.serve(
        shop_example_com=name,
        outside_example_com=f"file-cert:{elsewhere}/tls.crt~{elsewhere}/tls.key",
        link_example_com=f"file-cert:{crt}~{allowed}/link.key",
        missing_example_com=f"file-cert:{allowed}/no.crt~{allowed}/no.key",
    )
    edge.agent.arguments += ["--credentials-dir", str(allowed)]
    await edge.publish(wait=False)
    await edge.agent.start()
    await edge.control_plane.status.wait("live", PROXY, revision=1)
    begun = time.monotonic()
    await edge.until_shown(pair)
    for other in ("outside.example.com", "link.example.com", "missing.example.com"):
        assert await edge.shown(other) is None, other
    assert time.monotonic() - begun < 4
    assert not any("file-cert" in str(fact) for fact in edge.control_plane.status.facts), (
        "files are no business of the control plane"
    )

    async def states() -> dict[str, str]:
        found = (await edge.status()).get("fileSecrets", {})
        return {name: entry["state"] for name, entry in found.items()}

    async def told() -> bool:
        return sorted((await states()).values()) == ["missing", "refused", "refused", "served"]

    await until(told, "the status tells it")
    crt.write_text(renewed.certificate)  # half of the new pair
    await until(lambda: "the key is not that of the certificate" in edge.agent.log, "it is noticed")
    assert await edge.shown() == pair.der

    async def doctor_knows() -> bool:
        code, findings = await command(edge.agent.data_dir, "doctor")
        return code == 1 and any(f["check"] == name and not f["ok"] and "kept" in f["detail"] for f in findings)

    await until(doctor_knows, "the doctor knows")
    async with https.Connection(edge.bind, PORT, SHOP) as connection:
        key.write_text(renewed.key)
        await edge.until_shown(renewed)
        assert (await connection.get())[0] == 200, "the connection of before goes on"
    assert pair.key.splitlines()[1] not in edge.agent.log

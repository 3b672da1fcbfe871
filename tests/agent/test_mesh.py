"""Two real agents with real Envoys, and a control plane in memory."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from datetime import timedelta
from typing import Any

from meshweb.agent import process
from tests.agent import configs
from tests.agent.conftest import Mesh
from tests.agent.rig import command, until


def _counts(reports: list[tuple[str, dict[str, Any]]], api_port: int) -> tuple[int, ...]:
    """Successes and denials of the edge, successes of the backend, samples, denials by their records, requests received."""
    edges: Counter[str] = Counter()
    backends: Counter[str] = Counter()
    histogram = received = denied = 0
    for proxy, report in reports:
        for edge in report["edges"]:
            assert (edge["service"], edge["port"], edge["mtls"]) == ("shop/api", 8080, True)
            edges.update(edge["classes"])
            histogram += sum(edge["histogram"])
        for backend in report["backends"]:
            assert (proxy, backend["service"]) == ("shop/web-1", "shop/api")
            backends.update(backend["classes"])
        for denial in report["denials"]:
            assert denial["source"] == "spiffe://cluster.local/ns/shop/sa/web"
            assert denial["port"] == api_port
            denied += denial["count"]
        received += report["received"]
    return edges["2"], edges["4"], backends["2"], histogram, denied, received


async def test_request_passes_with_mutual_tls_and_is_counted(mesh: Mesh) -> None:
    status, headers, body = await mesh.call("/hello")
    assert (status, headers["x-version"]) == (200, "1")
    assert b"URI=spiffe://cluster.local/ns/shop/sa/web" in body
    for _ in range(9):
        assert (await mesh.call())[0] == 200
    for _ in range(3):
        assert (await mesh.call("/denied"))[0] == 403

    requests = mesh.app.requests  # what arrived, including those of the fixture
    reports = mesh.control_plane.reports

    wanted = (requests, 3, requests, requests + 3, 3, requests + 3)

    def counted() -> bool:
        return _counts(reports, mesh.api_port) == wanted

    try:
        await until(counted, "all counts", timeout=15)
    except TimeoutError:
        raise AssertionError(f"{_counts(reports, mesh.api_port)} instead of {wanted}") from None
    await until(lambda: reports[-1][1]["envoy"] == {"state": "live", "version": "1.40.0"}, "Envoy is live")
    sequences = [report["sequence"] for proxy, report in reports if proxy == "shop/web-1"]
    assert sequences == sorted(set(sequences))


async def test_change_is_live_and_commands_tell(mesh: Mesh) -> None:
    mesh.publish("2")
    await mesh.control_plane.status.wait("live", "shop/web-1", revision=mesh.revision)

    async def changed() -> bool:
        return (await mesh.call())[1].get("x-version") == "2"

    await until(changed, "the new version")
    code, rows = await until(lambda: _upstreams(mesh), "upstreams", timeout=10)
    assert code == 0
    address = f"{mesh.web_bind}:{mesh.local_port}"
    assert rows == [{"service": "shop/api", "port": 8080, "address": address, "host": "api.shop.svc.cluster.local"}]
    code, status = await until(lambda: _live(mesh), "status", timeout=10)
    assert status["proxy"] == "shop/web-1"
    assert status["controlPlane"]["state"] == "connected"


async def _upstreams(mesh: Mesh) -> object:
    code, rows = await command(mesh.web.data_dir, "upstreams")
    return (code, rows) if rows else None


async def _live(mesh: Mesh) -> object:
    code, status = await command(mesh.web.data_dir, "status")
    return (code, status) if code == 0 and status.get("envoy", {}).get("state") == "live" else None


async def test_control_plane_away_and_everything_restarts(mesh: Mesh) -> None:
    await until(lambda: (mesh.web.data_dir / "snapshot.bin").exists(), "a snapshot on disk")
    await until(lambda: (mesh.api.data_dir / "snapshot.bin").exists(), "a snapshot on disk")
    await mesh.control_plane.stop_xds()
    assert await mesh.works()
    for agent in (mesh.web, mesh.api):
        assert await agent.stop() == 0
    assert not await mesh.works()
    for agent in (mesh.web, mesh.api):
        await agent.start()
    await until(mesh.works, "traffic from what is on disk", timeout=20)

    mesh.publish("3")
    await mesh.control_plane.start_xds()
    await mesh.control_plane.status.wait("live", "shop/web-1", revision=mesh.revision, timeout=40)

    async def changed() -> bool:
        return (await mesh.call())[1].get("x-version") == "3"

    await until(changed, "the new version", timeout=5)


async def test_control_plane_away_for_a_moment_sends_only_differences(mesh: Mesh) -> None:
    status = mesh.control_plane.status
    await mesh.control_plane.stop_xds()
    status.facts.clear()
    mesh.publish("2")
    await mesh.control_plane.start_xds()
    await status.wait("live", "shop/web-1", revision=mesh.revision, timeout=40)
    sent = [
        fields["type_url"].rpartition(".")[2] for kind, proxy, fields in status.facts if (kind, proxy) == ("sent", "shop/web-1")
    ]
    assert sent == ["RouteConfiguration"]


async def test_killed_agent_keeps_traffic_and_adopts_envoy(mesh: Mesh) -> None:
    before = mesh.web.envoy_pid
    await mesh.web.kill()
    assert await mesh.works()
    await mesh.web.start()
    mesh.publish("4")
    await mesh.control_plane.status.wait("live", "shop/web-1", revision=mesh.revision, timeout=30)
    assert (await mesh.call())[1]["x-version"] == "4"
    assert mesh.web.envoy_pid == before
    assert "adopted" in mesh.web.log
    assert await mesh.web.stop() == 0
    assert not await mesh.works()


async def test_killed_envoy_is_restarted(mesh: Mesh) -> None:
    before = mesh.web.envoy_pid
    assert before is not None
    found = process.identify(before)
    assert found is not None
    process.send(found, signal.SIGKILL)
    await until(lambda: mesh.web.envoy_pid != before, "another Envoy")
    await until(mesh.works, "traffic again", timeout=10)


async def test_rotation_under_load_loses_nothing(mesh: Mesh) -> None:
    mesh.control_plane.life = timedelta(seconds=4)
    mesh.control_plane.settings = {**mesh.control_plane.settings, "renewBefore": 3600}
    answers: Counter[int] = Counter()
    stop = asyncio.Event()

    async def load() -> None:
        while not stop.is_set():
            answers[(await mesh.call())[0]] += 1

    workers = [asyncio.create_task(load()) for _ in range(4)]
    renewals = mesh.control_plane.renewals
    try:
        await until(lambda: min(renewals["shop/web-1"], renewals["shop/api-1"]) >= 4, "four renewals each", timeout=40)
    finally:
        stop.set()
        await asyncio.gather(*workers)
    assert set(answers) == {200}, answers
    assert answers[200] > 100


async def test_stop_drains_requests_under_way(mesh: Mesh) -> None:
    mesh.app.delay = 1.0
    under_way = asyncio.create_task(mesh.call())
    requests = mesh.app.requests
    await until(lambda: mesh.app.requests > requests, "the request at the application")
    stopping = asyncio.create_task(mesh.web.stop())
    assert (await under_way)[0] == 200
    assert await stopping == 0


async def test_leave_stops_everything_and_forgets(mesh: Mesh) -> None:
    code, answer = await command(mesh.web.data_dir, "leave")
    assert code == 0
    assert "credentials.json" in answer["removed"]
    assert await mesh.web.exited() == 0
    assert not await mesh.works()
    left = {path.name for path in mesh.web.data_dir.iterdir()}
    assert left <= {"envoy.log", "agent.lock"}


async def test_leave_of_a_killed_agent_ends_its_envoy(mesh: Mesh) -> None:
    await mesh.web.kill()
    code, _ = await command(mesh.web.data_dir, "leave")
    assert code == 0
    assert not await mesh.works()


async def test_health_is_probed_and_reported_at_once(mesh: Mesh) -> None:
    probe = {"httpGet": {"path": "/healthz", "port": mesh.api_port}, "periodSeconds": 0.2, "failureThreshold": 2}
    settings = {**mesh.control_plane.settings, "probe": probe, "reportSeconds": 30}
    mesh.control_plane.settings_of["shop/api-1"] = settings

    def reported(state: str) -> bool:
        return any(p == "shop/api-1" and r["health"]["state"] == state for p, r in mesh.control_plane.reports[-5:])

    await until(lambda: reported("healthy"), "healthy")
    mesh.app.healthy = False
    await until(lambda: reported("unhealthy"), "unhealthy", timeout=5)
    last = [r for p, r in mesh.control_plane.reports if p == "shop/api-1"][-1]
    assert last["health"]["reason"] == "GET /healthz answered 503"


async def test_doctor(mesh: Mesh) -> None:
    mesh.control_plane.settings_of["shop/api-1"] = {
        **mesh.control_plane.settings,
        "ports": [{"name": "http", "port": mesh.api_port}],
    }
    await until(lambda: str(mesh.api_port) in (mesh.api.data_dir / "state.json").read_text(), "the settings")
    await until(lambda: (mesh.api.data_dir / "snapshot.bin").exists(), "a snapshot on disk")
    code, findings = await command(mesh.api.data_dir, "doctor")
    assert [f for f in findings if not f["ok"]] == []
    assert code == 0
    await mesh.app.stop()
    code, findings = await command(mesh.api.data_dir, "doctor")
    assert code == 1
    assert [f["check"] for f in findings if not f["ok"]] == [f"application on {mesh.api_port}"]


async def test_silent_control_plane_does_not_stop_a_start(mesh: Mesh) -> None:
    """Connected, but nothing is compiled for this proxy yet: after a moment it serves what it had."""
    await until(lambda: (mesh.web.data_dir / "snapshot.bin").exists(), "a snapshot on disk")
    assert await mesh.web.stop() == 0
    mesh.control_plane.source.forget("shop/web-1")
    await mesh.web.start()
    await until(mesh.works, "traffic from what is on disk", timeout=15)
    mesh.publish("5")
    await mesh.control_plane.status.wait("live", "shop/web-1", revision=mesh.revision, timeout=20)
    assert (await mesh.call())[1]["x-version"] == "5"


async def test_refusal_reaches_the_control_plane_in_envoys_words(mesh: Mesh) -> None:
    mesh.revision += 1
    bad = configs.outbound("192.0.2.1", mesh.local_port, [], "spiffe://cluster.local/ns/shop/sa/api", "bad")
    mesh.control_plane.source.set("shop/web-1", configs.snapshot(mesh.revision, *bad))
    nacked = await mesh.control_plane.status.wait("nacked", "shop/web-1")
    assert "192.0.2.1" in nacked["detail"]
    assert nacked["revision"] == mesh.revision
    mesh.publish("6")
    await mesh.control_plane.status.wait("live", "shop/web-1", revision=mesh.revision)
    await until(mesh.works, "traffic")
    assert len([fact for fact in mesh.control_plane.status.facts if fact[0] == "nacked"]) == 1


async def test_removed_service_goes_without_a_failed_request(mesh: Mesh) -> None:
    """Make before break: a second backend takes over the route, then the first cluster goes."""
    source, bind = mesh.control_plane.source, mesh.web_bind
    answers: Counter[int] = Counter()
    stop = asyncio.Event()

    async def load() -> None:
        while not stop.is_set():
            answers[(await mesh.call())[0]] += 1

    worker = asyncio.create_task(load())
    api = configs.inbound(mesh.api_bind, mesh.api_port, mesh.app.host)
    for round_number in range(40):
        mesh.revision += 1
        endpoint, identity = (mesh.api_bind, mesh.api_port), "spiffe://cluster.local/ns/shop/sa/api"
        resources = configs.outbound(bind, mesh.local_port, [endpoint], identity, str(round_number), f"c{round_number % 2}")
        source.set("shop/web-1", configs.snapshot(mesh.revision, *resources))
        source.set("shop/api-1", configs.snapshot(mesh.revision, *api))
        await mesh.control_plane.status.wait("live", "shop/web-1", revision=mesh.revision)
    stop.set()
    await worker
    assert set(answers) == {200}, answers
    assert answers[200] > 40

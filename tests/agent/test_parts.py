"""Parts of the agent, each on its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from meshweb.agent import files, loopback, process, store, upstreams
from meshweb.agent.access_records import MAX_RECORDS
from meshweb.agent.book import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET, Book
from meshweb.agent.bootstrap import bootstrap
from meshweb.agent.control_plane import Away, ControlPlane
from meshweb.agent.doctor import listening
from meshweb.agent.layout import BadDirectory, Layout
from meshweb.agent.probes import BadProbe, check_once, parse_probe
from meshweb.agent.secrets import split
from meshweb.agent.state import Credentials, Flags, State
from meshweb.agent.telemetry import BUCKETS_MS, Denial, Telemetry
from meshweb.identity.sealing import SecretBytes
from meshweb.protos import message
from tests.agent import configs
from tests.xds.fakes import MeshCa

REQUEST = "envoy.service.discovery.v3.DeltaDiscoveryRequest"
RESPONSE = "envoy.service.discovery.v3.DeltaDiscoveryResponse"


def request(type_url: str, **fields: Any) -> Any:
    return message(REQUEST)(type_url=type_url, **fields)


def response(type_url: str, nonce: str, *names: str, removed: tuple[str, ...] = ()) -> Any:
    made = message(RESPONSE)(type_url=type_url, nonce=nonce, removed_resources=removed)
    for name in names:
        made.resources.add(name=name, version=f"v-{name}").resource.type_url = type_url
    return made


def held_of(type_url: str, name: str) -> store.Held:
    made = message("envoy.service.discovery.v3.Resource")(name=name, version=f"v-{name}")
    made.resource.type_url = type_url
    return store.Held(made.version, made.SerializeToString(deterministic=True))


def resumed(book: Book) -> dict[str, tuple[list[str], dict[str, str]]]:
    parsed = [message(REQUEST).FromString(data) for data in book.resume()]
    return {r.type_url: (list(r.resource_names_subscribe), dict(r.initial_resource_versions)) for r in parsed}


def parts(mixed: Any) -> tuple[Any, Any]:
    return split(mixed)


def test_secrets_of_this_vm_and_of_the_control_plane_are_told_apart() -> None:
    mixed = request(
        SECRET,
        resource_names_subscribe=["default", "shop/tls", "file-cert:/a~/b"],
        resource_names_unsubscribe=["ROOTCA", "shop/old-cacert"],
        initial_resource_versions={"default": "1", "shop/tls": "2"},
        response_nonce="7f",
        error_detail={"message": "no"},
    )
    own, others = parts(mixed)
    assert (list(own.resource_names_subscribe), list(own.resource_names_unsubscribe)) == (
        ["default", "file-cert:/a~/b"],
        ["ROOTCA"],
    )
    assert (dict(own.initial_resource_versions), own.response_nonce, own.HasField("error_detail")) == (
        {"default": "1"},
        "",
        False,
    )
    assert (list(others.resource_names_subscribe), list(others.resource_names_unsubscribe)) == (
        ["shop/tls"],
        ["shop/old-cacert"],
    )
    assert (dict(others.initial_resource_versions), others.response_nonce) == ({"shop/tls": "2"}, "7f")
    assert others.error_detail.message == "no"
    own, others = parts(request(SECRET, response_nonce="secret-4"))
    assert (own.response_nonce, others) == ("secret-4", None)
    own, others = parts(request(SECRET, response_nonce="agent-4"))
    assert (own, others.response_nonce) == (None, "agent-4")


def test_a_secret_that_is_nowhere_is_said_to_be_once() -> None:
    book = Book()
    book.request(request(SECRET, resource_names_subscribe=["a", "b"]), {})
    stored = {SECRET: {"a": held_of(SECRET, "a")}}
    first: Any = book.missing(SECRET, stored)
    assert ([r.name for r in first.resources], list(first.removed_resources)) == (["a"], ["b"])
    first.nonce = "agent-1"
    book.response(first, None)
    book.request(request(SECRET, response_nonce="agent-1"), {})
    assert book.missing(SECRET, stored) is None
    book.request(request(SECRET, resource_names_subscribe=["b"]), {})
    again: Any = book.missing(SECRET, stored)
    assert list(again.removed_resources) == ["b"], "asked again, answered again"
    assert resumed(book) == {SECRET: (["a", "b"], {"a": "v-a"})}


def test_book_tells_what_envoy_really_holds() -> None:
    book = Book()
    book.request(request(CLUSTER, node={"id": "shop/web-1"}), {})
    book.response(response(CLUSTER, "1", "a", "b"), 7)
    assert book.cold
    assert book.waiting
    assert resumed(book) == {CLUSTER: ([], {})}  # not acknowledged, not held
    noted = book.request(request(CLUSTER, response_nonce="1"), {})
    assert (noted.link, noted.acknowledged) == (7, True)
    book.request(request(ENDPOINT, resource_names_subscribe=["a", "b"]), {})
    book.response(response(ENDPOINT, "1", "a"), 7)
    book.request(request(ENDPOINT, response_nonce="1", error_detail={"message": "no"}), {})
    assert resumed(book) == {CLUSTER: ([], {"a": "v-a", "b": "v-b"}), ENDPOINT: (["a", "b"], {"a": "?"})}
    first = message(REQUEST).FromString(book.resume()[0])
    assert first.node.id == "shop/web-1"


def test_book_keeps_answers_to_two_servers_apart() -> None:
    book = Book()
    book.request(request(CLUSTER), {})
    book.response(response(CLUSTER, "5", "a"), 1)
    book.response(response(CLUSTER, "5", "b"), 2)
    assert book.request(request(CLUSTER, response_nonce="5"), {}).link == 1
    assert book.request(request(CLUSTER, response_nonce="5"), {}).link == 2
    assert not book.waiting


def _stored() -> dict[str, dict[str, store.Held]]:
    stored: dict[str, dict[str, store.Held]] = {}
    for type_url, name in ((CLUSTER, "a"), (ENDPOINT, "a"), (LISTENER, "l"), (ROUTE, "r")):
        resource = message("envoy.service.discovery.v3.Resource")(name=name, version=f"v-{name}")
        resource.resource.type_url = type_url
        stored.setdefault(type_url, {})[name] = store.Held(f"v-{name}", resource.SerializeToString())
    return stored


def test_book_answers_from_disk_what_is_missing() -> None:
    book, stored = Book(), _stored()
    book.request(request(CLUSTER), stored)
    answer = book.missing(CLUSTER, stored)
    assert answer is not None
    assert [r.name for r in answer.resources] == ["a"]
    answer.nonce = "agent-1"
    book.response(answer, None)
    assert book.missing(CLUSTER, stored) is None
    book.request(request(ENDPOINT, resource_names_subscribe=["a", "ghost"]), stored)
    endpoints = book.missing(ENDPOINT, stored)
    assert endpoints is not None
    assert {r.name: r.version for r in endpoints.resources} == {"a": "v-a", "ghost": "none"}
    assert book.missing(LISTENER, stored) is None  # not asked for


def test_returning_envoy_is_believed_only_what_is_known() -> None:
    book, stored = Book(), _stored()
    book.request(request(CLUSTER, initial_resource_versions={"a": "v-a", "x": "v-x"}), stored)
    assert resumed(book) == {CLUSTER: ([], {"a": "v-a", "x": "?"})}


def test_book_is_complete_only_when_everything_is_held() -> None:
    book = Book()
    for type_url, names in ((CLUSTER, ["a"]), (ENDPOINT, ["a"]), (LISTENER, ["l"])):
        subscribe = names if type_url == ENDPOINT else []
        book.request(request(type_url, resource_names_subscribe=subscribe), {})
        book.response(response(type_url, "1", *names), 1)
        assert book.complete() is None
        book.request(request(type_url, response_nonce="1"), {})
    complete = book.complete()
    assert complete is not None
    assert {t: set(held) for t, held in complete.items()} == {CLUSTER: {"a"}, ENDPOINT: {"a"}, LISTENER: {"l"}}
    book.request(request(ROUTE, resource_names_subscribe=["r"]), {})
    assert book.complete() is None


def test_store_round_trip_and_damage(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.bin"
    assert store.read(path) == {}
    store.write(path, _stored())
    assert store.read(path) == _stored()
    assert path.stat().st_mode & 0o777 == 0o600
    content = bytearray(path.read_bytes())
    for at in (0, 25, len(content) - 1):
        damaged = bytearray(content)
        damaged[at] ^= 1
        path.write_bytes(bytes(damaged))
        assert store.read(path) == {}
    path.write_bytes(bytes(content[: len(content) // 2]))
    assert store.read(path) == {}


def _metrics(*metrics: Any) -> Any:
    made = message("opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest")()
    made.resource_metrics.add().scope_metrics.add().metrics.extend(metrics)
    return made


def _counter(name: str, value: int) -> Any:
    made = message("opentelemetry.proto.metrics.v1.Metric")(name=name)
    made.sum.data_points.add(as_int=value)
    return made


def _histogram(name: str, counts: list[int], bounds: list[float]) -> Any:
    made = message("opentelemetry.proto.metrics.v1.Metric")(name=name)
    made.histogram.data_points.add(bucket_counts=counts, explicit_bounds=bounds)
    return made


def test_telemetry_is_frozen_until_acknowledged() -> None:
    telemetry = Telemetry(0.0)
    name = "vhost.outbound~shop~api~80.vcluster.all.upstream_rq_2xx"
    telemetry.metrics(_metrics(_counter(name, 3)))
    first = telemetry.freeze(5.0)
    telemetry.metrics(_metrics(_counter(name, 4)))
    assert telemetry.freeze(10.0) is first  # a retry: same number, same content
    assert first["edges"][0]["classes"]["2"] == 3
    telemetry.acknowledged()
    second = telemetry.freeze(12.0)
    assert second["edges"][0]["classes"]["2"] == 4
    assert second["sequence"] == first["sequence"] + 1
    assert second["seconds"] == 7.0


def test_telemetry_buckets_and_bounds() -> None:
    telemetry = Telemetry(0.0)
    name = "cluster.outbound~shop~api~80.upstream_rq_time"
    telemetry.metrics(_metrics(_histogram(name, [1] * 14, list(BUCKETS_MS)), _histogram(name, [2, 3], [7.0])))
    histogram = telemetry.freeze(1.0)["backends"][0]["histogram"]
    assert histogram == [1, 1, 1, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4]
    for index in range(6000):
        telemetry.denial(Denial(f"spiffe://a/{index}", 80))
    telemetry.acknowledged()
    assert len(telemetry.freeze(3.0)["denials"]) == 5000
    assert telemetry.dropped == 1000


def test_telemetry_tells_how_many_records_it_had_no_room_for() -> None:
    telemetry = Telemetry(0.0)
    batch = message("envoy.service.accesslog.v3.StreamAccessLogsMessage")()
    for index in range(MAX_RECORDS + 7):
        entry = batch.http_logs.log_entry.add()
        entry.request.path, entry.request.request_method = f"/{index}?secret", 1
        entry.common_properties.start_time.seconds = 100
        entry.common_properties.metadata.filter_metadata["envoy.filters.http.rbac"].update(
            {"audit.shadow_engine_result": "denied", "audit.shadow_effective_policy_id": "ns[a]-policy[b]-rule[0]"}
        )
    telemetry.access_log(batch)
    report = telemetry.freeze(1.0)
    assert (len(report["accessRecords"]), report["accessRecordsLost"]) == (MAX_RECORDS, 7)
    assert report["accessRecords"][0] == {
        "at": 100.0,
        "source": "",
        "port": 0,
        "policy": "ns[a]-policy[b]-rule[0]",
        "allowed": True,
        "method": "GET",
        "path": "/0",
        "status": 0,
    }
    telemetry.acknowledged()
    telemetry.metrics(_metrics(_counter("access_logs.grpc_access_log.logs_dropped", 5)))
    later = telemetry.freeze(2.0)
    assert (later["accessRecords"], later["accessRecordsLost"]) == ([], 5), "what Envoy had no room for is lost too"


def test_telemetry_ignores_other_names() -> None:
    telemetry = Telemetry(0.0)
    telemetry.metrics(_metrics(_counter("cluster.agent.upstream_rq_2xx", 1), _counter("x", 1)))
    report = telemetry.freeze(1.0)
    assert (report["edges"], report["backends"], report["received"]) == ([], [], 0)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        [],
        {"exec": {"command": ["x"]}},
        {"httpGet": {"port": 1, "scheme": "FTP"}},
        {"httpGet": {"port": "web"}},
        {"grpc": {"port": 1, "service": "a\nb"}},
    ],
)
def test_probes_that_cannot_be_run(settings: object) -> None:
    with pytest.raises(BadProbe):
        parse_probe(settings, "127.0.0.1")


async def test_probe_header_injection_is_refused_and_defaults_are_istios() -> None:
    with pytest.raises(BadProbe):
        parse_probe({"httpGet": {"port": 1, "path": "/a\r\nx: y"}}, "127.0.0.1")
    probe = parse_probe({"tcpSocket": {"port": 1}}, "127.0.0.1")
    assert probe is not None
    assert (probe.timeout, probe.period, probe.successes, probe.failures) == (1.0, 10.0, 1, 3)
    assert await check_once(probe) is not None  # nothing listens on port 1


def test_long_directory_gets_short_sockets(tmp_path: Path) -> None:
    layout = Layout(tmp_path / ("x" * 120))
    layout.prepare()
    assert len(os.fsencode(layout.xds_socket)) <= files.MAX_SOCKET_PATH
    assert layout.short_dir.stat().st_mode & 0o777 == 0o700
    layout.short_dir.rmdir()


def test_open_directory_is_refused(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "open")
    layout.data_dir.mkdir(mode=0o755)
    with pytest.raises(BadDirectory, match="chmod 700"):
        layout.prepare()


def test_sidecars_of_one_host_get_different_ranges() -> None:
    first, one = loopback.claim_range("127.3.0.1", None)
    second, two = loopback.claim_range("127.3.0.2", None)
    assert first != second
    assert one is not None
    assert two is not None
    os.close(one)
    again, three = loopback.claim_range("127.3.0.1", first)
    assert again == first
    assert three is not None
    os.close(two)
    os.close(three)
    assert loopback.claim_range("10.0.0.1", None) == (loopback.DEFAULT_RANGE, None)


async def test_process_identity_survives_reuse_of_pids() -> None:
    child = await asyncio.create_subprocess_exec("sleep", "60")
    found = process.identify(child.pid)
    assert found is not None
    assert process.alive(found)
    assert not process.send(process.ProcessId(found.pid, found.started + 1), signal.SIGKILL)
    assert process.alive(found)
    waiting = asyncio.create_task(process.wait(found))
    assert process.send(found, signal.SIGKILL)
    async with asyncio.timeout(5):
        await waiting
    await child.wait()
    assert not process.send(found, signal.SIGKILL)


def test_upstreams_of_every_mode() -> None:
    made: dict[str, dict[str, store.Held]] = {}
    for type_url, resource in configs.outbound("127.5.0.1", 20001, [], "spiffe://cluster.local/ns/shop/sa/api"):
        wrapped = message("envoy.service.discovery.v3.Resource")(name=resource.name, version=resource.version)
        wrapped.resource.type_url, wrapped.resource.value = type_url, resource.body
        held = store.Held(resource.version, wrapped.SerializeToString())
        made.setdefault(str(type_url), {})[resource.name] = held
    assert upstreams.rows(made) == [
        {"service": "shop/api", "port": 8080, "address": "127.5.0.1:20001", "host": "api.shop.svc.cluster.local"}
    ]
    assert upstreams.mutual_tls(made) == {("shop/api", 8080): True}
    assert upstreams.service_port("inbound_80") is None
    assert upstreams.service_port("outbound~shop~*+example+com~443") == ("shop/*.example.com", 443)


def test_bootstrap_binds_the_source_only_when_there_is_one(tmp_path: Path) -> None:
    def made(bind: str) -> bytes:
        flags = Flags("explicit", bind, "127.0.0.1", "127.77.0.0/16")
        state = State("shop/a", "spiffe://x/ns/shop/sa/a", "x", "https://h:1", "h:2", "ab" * 32, "a", flags)
        return bootstrap(Layout(tmp_path), state, flush_seconds=5.0)

    assert b"source_address" in made("127.5.0.1")
    assert b"source_address" not in made("0.0.0.0")
    assert made("127.5.0.1") == made("127.5.0.1")


async def test_doctor_sees_listeners() -> None:
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert listening(port) == {"127.0.0.1"}
    server.close()


def test_the_agent_needs_nothing_of_the_server() -> None:
    program = (
        "import sys\n"
        "for name in ('django', 'rest_framework', 'celery', 'redis', 'channels', 'pydantic'): sys.modules[name] = None\n"
        "import pkgutil, importlib, meshweb.agent, meshweb.identity, meshweb.xds\n"
        "for package in (meshweb.agent, meshweb.identity, meshweb.xds):\n"
        "    for module in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(module.name)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_agent_imports_only_identity_and_protos() -> None:
    program = (
        "import sys, pkgutil, importlib, meshweb.agent\n"
        "for module in pkgutil.iter_modules(meshweb.agent.__path__, 'meshweb.agent.'):\n"
        "    importlib.import_module(module.name)\n"
        "found = {m.split('.')[1] for m in sys.modules if m.startswith('meshweb.')}\n"
        "assert found == {'agent', 'identity', 'protos'}, found\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


async def test_a_call_whose_connection_is_closed_is_away_and_not_the_end_of_its_task() -> None:
    """gRPC raises CancelledError there. The agent's own cancellation stays one."""
    made = MeshCa().client("shop", "web")
    credentials = Credentials(SecretBytes(made.key), made.chain.decode(), made.roots.decode(), "cluster.local")
    silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    target = f"127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    for replaced in (True, False):
        plane = ControlPlane(target, lambda: credentials)
        call = asyncio.create_task(plane.call("Report", {}))
        await asyncio.wait([call], timeout=0.2)
        assert not call.done()
        if replaced:
            await plane.close()
        else:
            call.cancel()
        with pytest.raises(Away if replaced else asyncio.CancelledError):
            await call
        await plane.close()
    silent.close()

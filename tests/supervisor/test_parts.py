"""Back-off, bounded logs, embedded servers on their own."""

from __future__ import annotations

import io
from pathlib import Path

import psycopg
import pytest
import redis

from meshweb.config.embedded.postgres import PostgresServer
from meshweb.config.embedded.sockets import socket_directory
from meshweb.config.embedded.valkey import ValkeyServer
from meshweb.config.supervisor import logs
from meshweb.config.supervisor.child import next_delay


def test_back_off_doubles_up_to_a_limit_and_begins_anew_after_a_calm_run() -> None:
    delays = [0.0]
    for _ in range(8):
        delays.append(next_delay(delays[-1], 0.1))
    assert delays[1:] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert next_delay(10.0, 11.0) == 0.2


def test_output_prefixes_whole_lines_and_bounds_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_FILE", 200)
    console = io.BytesIO()
    output = logs.Output(tmp_path, width=4, console=console, colour=False)
    web, quiet = output.channel("web"), output.channel("demo", console=False)
    web.feed(b"first ha")
    quiet.feed(b"not shown\n")
    web.feed(b"lf\nsecond\npa")
    web.end()
    assert console.getvalue() == b"web  | first half\nweb  | second\nweb  | pa\n"
    for number in range(50):
        web.feed(f"line {number}\n".encode())
    assert (tmp_path / "web.log").stat().st_size < 300
    assert (tmp_path / "web.log.1").stat().st_size < 300
    assert "line 49" in (tmp_path / "web.log").read_text()
    assert web.tail[-1] == "line 49"


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    console = io.BytesIO()
    channel = logs.Output(tmp_path, width=1, console=console, colour=True).channel("a")
    channel.feed(b"x" * (logs.MAX_LINE + 10))
    assert console.getvalue().startswith(b"\x1b[36ma | \x1b[0mxxx")
    assert console.getvalue().endswith(b"x\n")


def test_long_paths_get_a_short_socket_directory(tmp_path: Path) -> None:
    long = tmp_path / ("d" * 90)
    assert socket_directory(tmp_path, "s") == tmp_path
    assert len(str(socket_directory(long, "s.sock"))) < 60
    assert socket_directory(long, "s.sock") == socket_directory(long, "s.sock")
    assert socket_directory(long, "s.sock") != socket_directory(long / "e", "s.sock")


def test_postgres_recovers_a_stale_pid_file_of_a_reused_number(directory: Path) -> None:
    server = PostgresServer(directory / "postgres")
    with psycopg.connect(server.start()) as connection:
        assert connection.execute("SELECT current_user, current_database()").fetchone() == ("meshweb", "meshweb")
    server.stop()
    (directory / "postgres/cluster/postmaster.pid").write_text("1\n/somewhere\n")
    server.start()
    server.stop()


def test_postgres_ends_the_server_that_a_killed_parent_left(directory: Path) -> None:
    left, server = PostgresServer(directory / "postgres"), PostgresServer(directory / "postgres")
    left.start()
    url = server.start()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    server.stop()
    left.stop()


def test_temporary_postgres_leaves_nothing() -> None:
    with PostgresServer.temporary() as url, psycopg.connect(url) as connection:
        host = Path(connection.info.host)
        assert host.exists()
    assert not host.parent.parent.exists()


def test_valkey_on_a_socket_and_on_a_port(directory: Path, unused_tcp_port: int) -> None:
    for server in (ValkeyServer(directory / "valkey"), ValkeyServer(directory / "valkey", unused_tcp_port)):
        with server, redis.Redis.from_url(server.url) as client:
            assert client.set("a", "b")
            assert client.get("a") == b"b"

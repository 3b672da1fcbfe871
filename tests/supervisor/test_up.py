"""The supervisor as an operator meets it: order, crashes, kills, taken ports, a second start, a clean end."""

from __future__ import annotations

import os
import signal
import socket

import psycopg
import pytest

from tests.supervisor.rig import NAMES, Up, until

pytestmark = pytest.mark.timeout(120)


def test_starts_in_order_and_leaves_nothing(control_plane: Up) -> None:
    control_plane.run()
    control_plane.await_ready()
    assert [child["name"] for child in control_plane.status()["children"]] == NAMES
    assert {child["state"] for child in control_plane.status()["children"]} == {"ready"}
    kept = dict(line.split("=", 1) for line in (control_plane.data_dir / "environment").read_text().splitlines())
    with psycopg.connect(kept["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
    until(lambda: "sign in" in (control_plane.data_dir / "logs/meshweb.log").read_text())
    code, output = control_plane.stop()
    assert code == 0
    order = ["migrate --noinput runs", "bootstrap runs", "web runs", "sign in once with http://127.0.0.1/login?token=once"]
    positions = [output.index(text) for text in order]
    assert positions == sorted(positions)
    assert "web      | web runs" in output
    assert "web runs" in (control_plane.data_dir / "logs/web.log").read_text()
    assert control_plane.alive() == []
    assert not (control_plane.data_dir / "supervisor.json").exists()

    control_plane.run()
    control_plane.await_ready()
    with psycopg.connect(kept["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    assert control_plane.stop(signal.SIGINT)[0] == 0


@pytest.mark.parametrize("name", ["web", "postgres", "valkey"])
def test_starts_a_killed_child_again(control_plane: Up, name: str) -> None:
    control_plane.run()
    control_plane.await_ready()
    before = control_plane.child(name)
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: control_plane.child(name)["restarts"] == 1 and control_plane.child(name)["state"] == "ready")
    assert control_plane.child(name)["pid"] != before["pid"]
    code, output = control_plane.stop()
    assert code == 0
    assert f"{name} was ended by SIGKILL; starting again in 0.2 s" in output


def test_killed_supervisor_takes_its_children_along_and_the_next_recovers(control_plane: Up) -> None:
    control_plane.run(STUB_DEAF="xds")
    control_plane.await_ready()
    deaf = control_plane.child("xds")["pid"]
    control_plane.stop(signal.SIGKILL)
    until(lambda: [identity.pid for identity in control_plane.alive()] == [deaf])
    control_plane.run()
    control_plane.await_ready()
    assert deaf not in {identity.pid for identity in control_plane.alive()}
    code, output = control_plane.stop()
    assert code == 0
    assert "ending what a killed run left: xds" in output


def test_refuses_a_second_start(control_plane: Up) -> None:
    control_plane.run()
    control_plane.await_ready()
    second = Up(control_plane.data_dir)
    second.run()
    until(second.ended)
    code, output = second.stop()
    assert code == 1
    assert f"already runs on {control_plane.data_dir} (process {control_plane.pid}): stop it first" in output
    assert control_plane.status()["state"] == "ready"


def test_says_who_has_the_port(control_plane: Up) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", control_plane.ports[0]))
        taken.listen()
        control_plane.run()
        until(control_plane.ended)
        code, output = control_plane.stop()
    assert code == 1
    port = control_plane.ports[0]
    assert f"port {port} cannot be used (used by" in output
    assert f"(process {os.getpid()})): free it, or give another with --port" in output


def test_says_why_a_child_does_not_start(control_plane: Up) -> None:
    control_plane.run(STUB_FAILS="beat")
    until(control_plane.ended)
    code, output = control_plane.stop()
    assert code == 1
    assert "beat does not start (3 tries). Its last lines:" in output
    assert "the reason stands here" in output.rpartition("Its last lines:")[2]


def test_stops_when_told_during_a_start(control_plane: Up) -> None:
    control_plane.run()
    until(lambda: control_plane.status()["state"] == "starting")
    assert control_plane.stop()[0] == 0

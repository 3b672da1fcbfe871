"""Joining: what is sent to whom, what is tried again, and what is said when it cannot work."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from meshweb.agent.join import JoinRefused, TryAgain, join
from meshweb.agent.layout import Layout
from meshweb.agent.state import Flags, load_credentials, load_state
from meshweb.identity import join_token
from meshweb.identity.spiffe_id import SpiffeId
from tests.agent.rig import AgentProcess, ControlPlane

FLAGS = Flags("explicit", "127.10.0.1", "127.0.0.1", "127.77.0.0/16")
IDENTITY = SpiffeId("cluster.local", "shop", "web")


@pytest_asyncio.fixture
async def control_plane() -> AsyncIterator[ControlPlane]:
    made = ControlPlane()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "agent")
    made.prepare()
    return made


async def _join(layout: Layout, token: str, slept: list[float] | None = None, attempts: int = 5) -> None:
    waits = slept if slept is not None else []
    await asyncio.to_thread(
        join,
        layout,
        join_token.parse(token),
        name="web-1",
        flags=FLAGS,
        envoy_version="1.40.0",
        sleep=waits.append,
        attempts=attempts,
    )


async def test_join_keeps_identity_and_key(control_plane: ControlPlane, layout: Layout) -> None:
    await _join(layout, control_plane.token(IDENTITY))
    state, credentials = load_state(layout), load_credentials(layout)
    assert state is not None
    assert credentials is not None
    assert (state.proxy, state.identity, state.trust_domain) == ("shop/web-1", str(IDENTITY), "cluster.local")
    assert state.flags == FLAGS
    assert layout.credentials.stat().st_mode & 0o777 == 0o600
    assert not layout.join_key.exists()
    assert "PRIVATE" not in repr(credentials)


async def test_busy_server_is_asked_again_with_the_same_key(control_plane: ControlPlane, layout: Layout) -> None:
    control_plane.join_statuses = [(503, {"detail": "starting"}), (429, {})]
    slept: list[float] = []
    await _join(layout, control_plane.token(IDENTITY), slept)
    assert len(slept) == 2
    assert all(1 <= seconds <= 60 for seconds in slept)
    assert len(control_plane.join_keys) == 3
    assert len(set(control_plane.join_keys)) == 1


async def test_crash_between_answer_and_file_resumes_with_the_same_key(control_plane: ControlPlane, layout: Layout) -> None:
    token = control_plane.token(IDENTITY)
    control_plane.join_statuses = [(503, {})]
    with pytest.raises(TryAgain):
        await _join(layout, token, attempts=1)
    await _join(layout, token)
    assert len(set(control_plane.join_keys)) == 1


@pytest.mark.parametrize(
    ("status", "text"),
    [(401, "make a new one"), (409, "another name"), (422, "correct the flags"), (500, "will not take this join")],
)
async def test_refusals_name_the_remedy(control_plane: ControlPlane, layout: Layout, status: int, text: str) -> None:
    control_plane.join_statuses = [(status, {"title": "No", "detail": "because"})]
    with pytest.raises(JoinRefused, match=f"because.*{text}"):
        await _join(layout, control_plane.token(IDENTITY))
    assert load_state(layout) is None


async def test_wrong_pin_sends_nothing(control_plane: ControlPlane, layout: Layout) -> None:
    other = ControlPlane()
    other.join_port, other.xds_port = control_plane.join_port, 1
    with pytest.raises(JoinRefused, match="nothing was sent"):
        await _join(layout, other.token(IDENTITY))
    assert control_plane.join_keys == []


async def test_server_without_tls_sees_only_a_handshake(layout: Layout, control_plane: ControlPlane) -> None:
    seen = bytearray()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        seen.extend(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    control_plane.join_port, before = listener.getsockname()[1], control_plane.join_port
    token = control_plane.token(IDENTITY)
    control_plane.join_port = before
    with pytest.raises(JoinRefused, match="nothing was sent"):
        await _join(layout, token)
    thread.join(5)
    listener.close()
    secret = join_token.encode_secret(join_token.parse(token).secret).encode()
    assert seen[0] == 0x16  # a TLS handshake record
    assert secret not in seen


async def test_unreachable_server(layout: Layout, control_plane: ControlPlane) -> None:
    token = control_plane.token(IDENTITY)
    await control_plane.stop()
    with pytest.raises(TryAgain, match="cannot reach"):
        await _join(layout, token, attempts=2)


async def test_command_line_says_it_in_one_line(control_plane: ControlPlane, tmp_path: Path) -> None:
    control_plane.join_statuses = [(401, {"detail": "this token was used"})]
    token = control_plane.token(IDENTITY)
    agent = AgentProcess(tmp_path / "web-1", ["--name", "web-1", "--bind", "127.9.9.9"], token)
    await agent.start()
    assert await agent.exited() == 1
    assert agent.log.splitlines() == [
        "meshweb-agent: this token was used (401): the token is wrong, used or expired: make a new one"
    ]
    assert token not in agent.log


async def test_what_the_control_plane_finds_wrong_is_said_field_by_field(control_plane: ControlPlane, layout: Layout) -> None:
    errors = [{"pointer": "/gateway", "detail": "WorkloadGroup web makes no gateway ingress"}]
    control_plane.join_statuses = [(422, {"detail": "1 thing is wrong", "errors": errors})]
    with pytest.raises(JoinRefused, match="WorkloadGroup web makes no gateway ingress"):
        await _join(layout, control_plane.token(IDENTITY))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--mode", "proxy"],
        ["--app-address", "127.0.0.2"],
        ["--loopback-range", "127.99.0.0/16"],
        ["--gateway", "Not a label"],
    ],
)
async def test_flags_that_say_nothing_for_a_gateway(tmp_path: Path, arguments: list[str]) -> None:
    agent = AgentProcess(tmp_path / "x", ["--gateway", "ingress", "--bind", "127.3.3.3", *arguments])
    await agent.start()
    assert await agent.exited() == 2
    assert len(agent.log.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "token", "text"),
    [
        ([], "", "not joined yet"),
        ([], "mwj_nonsense", "damaged"),
        (["--bind", "nonsense"], "", "give an IP address"),
        (["--bind", "127.0.0.1"], "", "cannot both listen"),
        (["--bind", "127.3.3.3", "--loopback-range", "10.0.0.0/8"], "", "127.0.0.0/8"),
        (["--bind", "127.3.3.3", "--envoy", "/nowhere"], "", "check --envoy"),
    ],
)
async def test_bad_flags(tmp_path: Path, arguments: list[str], token: str, text: str) -> None:
    agent = AgentProcess(tmp_path / "x", arguments, token)
    await agent.start()
    assert await agent.exited() == 1
    assert text in agent.log
    assert len(agent.log.splitlines()) == 1

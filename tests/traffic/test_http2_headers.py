"""HTTP/2 requests that no well-behaved client makes (advisories by their ids): what policy and application see is one request, or there
is none."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError

from tests.traffic.calls import Address
from tests.traffic.cases import Case, File
from tests.traffic.conftest import Driver
from tests.traffic.mesh import HTTP

_POLICY = """
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: web, namespace: shop}
spec: {selector: {matchLabels: {app: web}}, mtls: {mode: PERMISSIVE}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: d, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  action: DENY
  rules:
  - to: [{operation: {paths: ["/admin", "/admin/*"]}}, {operation: {hosts: [secret.test]}}, {operation: {methods: [DELETE]}}]
  - when: [{key: "request.headers[x-role]", values: [admin]}]
"""
_CASE = Case("http2/headers", File(documents=_POLICY))


@dataclass(frozen=True)
class Odd:
    """What is sent besides or instead of the usual, and every status that may come of it; 0: the stream is reset or the connection
    closed. host: what an application may have seen."""

    pseudo: dict[str, str | None] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()
    again: tuple[tuple[str, str], ...] = ()
    may: frozenset[int] = frozenset({0, 400, 403})
    host: str = "open.test"


ODD = {
    "the usual": Odd(may=frozenset({200})),
    "what is denied": Odd({":path": "/admin"}, may=frozenset({403})),
    "CVE-2023-35944 a scheme in mixed case": Odd({":scheme": "HtTp"}, may=frozenset({200})),
    "CVE-2023-35944 a scheme in mixed case, and what is denied": Odd({":scheme": "HtTpS", ":path": "/admin"}),
    "a scheme that is none": Odd({":scheme": "javascript:alert(1)//"}, may=frozenset({0, 200, 400})),
    "no scheme": Odd({":scheme": None}),
    "no path": Odd({":path": None}),
    "an empty path": Odd({":path": ""}),
    "a path without a slash": Odd({":path": "admin"}),
    "an absolute address for a path": Odd({":path": "http://open.test/admin"}),
    "a path of a star": Odd({":path": "*"}),
    "another host in the header": Odd(headers=(("host", "secret.test"),), may=frozenset({0, 200, 400, 403})),
    "another host in the authority": Odd({":authority": "secret.test"}, headers=(("host", "open.test"),)),
    "the host in the header alone": Odd({":authority": None}, headers=(("host", "secret.test"),)),
    "somebody before the host": Odd({":authority": "open.test@secret.test"}),
    "two paths": Odd(again=((":path", "/admin"),)),
    "two methods": Odd(again=((":method", "DELETE"),)),
    "a path behind the headers": Odd(headers=(("x-a", "b"), (":path", "/admin"))),
    "a pseudo header that nobody knows": Odd(again=((":admin", "1"),)),
    "CVE-2026-26308 a header twice, the good one first": Odd(headers=(("x-role", "user"), ("x-role", "admin"))),
    "GHSA-qc2q-p7wx-3px3 a header in capitals": Odd(headers=(("X-Role", "admin"),)),
    "GHSA-w44g-8m76-8gc5 a method in small letters": Odd({":method": "delete"}),
    "a method with a space": Odd({":method": "DELETE "}),
    "a line feed in a header": Odd(headers=(("x-a", "b\nx-role: admin"),)),
    "a line feed in a path": Odd({":path": "/open HTTP/1.1\r\nx-role: admin\r\nx: "}),
    "a null in a path": Odd({":path": "/admin\0"}),
    "a length that is not the body's": Odd(headers=(("content-length", "7"),)),
    "chunked": Odd(headers=(("transfer-encoding", "chunked"),)),
    "an upgrade": Odd(headers=(("connection", "upgrade"), ("upgrade", "h2c"))),
    "a CONNECT": Odd({":method": "CONNECT", ":path": None, ":scheme": None}, may=frozenset({0, 400, 403, 404, 405})),
    "a CONNECT with a protocol": Odd({":method": "CONNECT", ":protocol": "foo", ":path": "/admin"}),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_odd_request_is_one_or_none(driver: Driver, odd: Odd) -> None:
    rig = driver.rig
    driver.run(rig.use(_CASE))
    status, body = driver.run(_ask((rig.vms["shop/web-1"].bind, HTTP), odd))
    assert status in odd.may, (status, body)
    if status == 200:
        seen = json.loads(body)
        assert (seen["host"], seen["path"], seen["method"]) == (odd.host, "/open", "GET"), seen
        assert not [value for name, value in seen["headers"] if name == "x-role"], seen


async def _ask(address: Address, odd: Odd) -> tuple[int, bytes]:
    """Status and body; 0: none came."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        async with asyncio.timeout(10):
            return await _exchange(reader, writer, _sent(odd))
    except (ConnectionError, ProtocolError, asyncio.IncompleteReadError):
        return 0, b""
    finally:
        writer.close()


def _sent(odd: Odd) -> list[tuple[str, str]]:
    usual: dict[str, str | None] = {":method": "GET", ":scheme": "http", ":authority": "open.test", ":path": "/open"}
    pseudo = [(name, value) for name, value in (usual | odd.pseudo).items() if value is not None]
    return [*pseudo, *odd.again, *odd.headers]


async def _exchange(reader: Any, writer: Any, headers: list[tuple[str, str]]) -> tuple[int, bytes]:
    config = H2Configuration(
        client_side=True,
        header_encoding="utf-8",
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
        validate_inbound_headers=False,
    )
    state = H2Connection(config)
    state.initiate_connection()
    state.send_headers(1, headers, end_stream=True)
    writer.write(state.data_to_send())
    status, body = 0, b""
    while data := await reader.read(65536):
        for event in state.receive_data(data):
            if isinstance(event, events.ResponseReceived):
                status = int({str(name): str(value) for name, value in event.headers or ()}[":status"])
            elif isinstance(event, events.DataReceived):
                body += event.data or b""
            elif isinstance(event, events.StreamEnded):
                return status, body
            elif isinstance(event, events.StreamReset | events.ConnectionTerminated):
                return 0, b""
        writer.write(state.data_to_send())
    return 0, b""

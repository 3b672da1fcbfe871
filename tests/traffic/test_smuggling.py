"""Requests that hide another one (H14: CVE-2025-64763 data behind a CONNECT, CVE-2026-73548 answers to an upgrade, CL.TE, TE.CL, TE.TE):
what is hidden never reaches the application past a policy, and nobody else is answered what was meant for the attacker.

`SMUGGLING_TRIALS` sets how often each is tried (3; docs tell of more)."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.traffic.calls import Address
from tests.traffic.cases import Case, File
from tests.traffic.conftest import Driver
from tests.traffic.mesh import HTTP
from tests.traffic.model import ROW_HEADER, Request, first
from tests.traffic.rig import Rig

TRIALS = int(os.environ.get("SMUGGLING_TRIALS", "3"))
_DOCUMENTS = """
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: web, namespace: shop}
spec: {selector: {matchLabels: {app: web}}, mtls: {mode: PERMISSIVE}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-admin, namespace: shop}
spec:
  action: DENY
  rules: [{to: [{operation: {paths: ["/admin", "/admin/*"]}}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: shop}
spec: {gatewayClassName: meshweb, listeners: [{name: http, port: 8080, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: visitors, namespace: shop}
spec: {parentRefs: [{name: public}], rules: [{backendRefs: [{name: web, port: 8080}]}]}
"""
_HIDDEN = "GET /admin/{id} HTTP/1.1\r\nhost: web.shop\r\n" + ROW_HEADER + ": {id}\r\n\r\n"
_PLAIN = ("host: web.shop",)


Attack = tuple[str, str, tuple[str, ...], str]


def _attacks() -> Iterator[Attack]:
    """Name, request line, headers, and what stands before the hidden request in the body. `{length}` is that of the whole body."""
    chunked, post = "transfer-encoding: chunked", "POST /open HTTP/1.1"
    yield "CL.TE", post, (*_PLAIN, "content-length: {length}", chunked), "0\r\n\r\n"
    yield "TE.CL", post, (*_PLAIN, chunked, "content-length: 4"), "5c\r\n"
    yield "TE.TE", post, (*_PLAIN, chunked, "transfer-encoding: identity"), "0\r\n\r\n"
    yield "TE with a prefix", post, (*_PLAIN, "transfer-encoding: xchunked", "content-length: 4"), "0\r\n\r\n"
    yield "TE with a space before the colon", post, (*_PLAIN, "transfer-encoding : chunked", "content-length: 5"), "0\r\n\r\n"
    yield "TE with a tab", post, (*_PLAIN, "transfer-encoding:\tchunked", "content-length: 5"), "0\r\n\r\n"
    yield "TE in capitals", post, (*_PLAIN, "Transfer-Encoding: CHUNKED", "content-length: 5"), "0\r\n\r\n"
    yield "TE on a folded line", post, (*_PLAIN, "transfer-encoding:", " chunked", "content-length: 5"), "0\r\n\r\n"
    yield "two lengths", post, (*_PLAIN, "content-length: 0", "content-length: {length}"), ""
    yield "a length with a sign", post, (*_PLAIN, "content-length: +0"), ""
    yield "a length that is no number", post, (*_PLAIN, "content-length: 0x0"), ""
    yield "a length in a list", post, (*_PLAIN, "content-length: 0, 0"), ""
    yield "chunk size with a sign", post, (*_PLAIN, chunked), "+0\r\n\r\n"
    yield "chunk size with an extension of lines", post, (*_PLAIN, chunked), "0;a\n\r\n\r\n"
    yield "line feeds alone", "POST /open HTTP/1.1", ("host: web.shop\ncontent-length: 0",), ""
    yield "a null in a header", post, (*_PLAIN, "x-a: b\0c", "content-length: 0"), ""
    yield (
        "CVE-2026-73548 an upgrade that nobody knows",
        "GET /open HTTP/1.1",
        (*_PLAIN, "connection: upgrade", "upgrade: foo"),
        "",
    )
    yield (
        "CVE-2026-73548 an upgrade to HTTP/2",
        "GET /open HTTP/1.1",
        (*_PLAIN, "connection: upgrade, http2-settings", "upgrade: h2c"),
        "",
    )
    yield "CVE-2025-64763 data behind a CONNECT", "CONNECT web.shop:8080 HTTP/1.1", _PLAIN, ""
    yield "CVE-2025-64763 data behind a CONNECT with a body", "CONNECT web.shop:8080 HTTP/1.1", (*_PLAIN, chunked), "0\r\n\r\n"
    yield "a GET with a body", "GET /open HTTP/1.1", (*_PLAIN, "content-length: {length}"), ""
    yield "one after the other", "GET /open HTTP/1.1", _PLAIN, ""
    yield "HTTP/1.0 kept open", "GET /open HTTP/1.0", (*_PLAIN, "connection: keep-alive"), ""
    yield "an absolute address", "GET http://web.shop/open HTTP/1.1", _PLAIN, ""


_ATTACKS = list(_attacks())


@pytest.mark.parametrize("door", ["sidecar", "gateway"])
def test_a_hidden_request_does_not_pass(driver: Driver, door: str) -> None:
    rig = driver.rig
    driver.run(rig.use(Case(f"smuggling/{door}", File(documents=_DOCUMENTS))))
    vm = rig.vms["shop/web-1" if door == "sidecar" else "shop/gateway-1"]
    problems = driver.run(_try_all(rig, (vm.bind, HTTP)))
    assert not problems, "\n".join(problems[:20])


async def _try_all(rig: Rig, door: Address) -> list[str]:
    """All of a trial at once, so that a connection to the application that one attack has spoilt serves a neighbour of another."""
    problems: list[str] = []
    answered: Counter[tuple[str, str]] = Counter()
    for trial in range(TRIALS):
        tries = (_try(rig, door, f"{trial}-{number}", attack) for number, attack in enumerate(_ATTACKS))
        for (name, *_), (status, found) in zip(_ATTACKS, await asyncio.gather(*tries), strict=True):
            answered[name, status] += 1
            problems += [f"{name}: {problem}" for problem in found]
    assert {status for _, status in answered} >= {"200", "400"}, answered
    return problems


async def _try(rig: Rig, door: Address, identifier: str, attack: Attack) -> tuple[str, list[str]]:
    """The first status that the attacker got, and what should not have happened."""
    _, line, headers, before = attack
    marker = f"hidden-{identifier}"
    told, problems = await asyncio.gather(
        _attack(door, _bytes(line, headers, before, marker)), _neighbour(rig, door, f"mine-{identifier}", marker)
    )
    problems += await _neighbour(rig, door, f"after-{identifier}", marker)
    if rig.book.of([marker]):
        problems.append(f"the application saw the hidden request; the attacker {told[:200]!r}")
    return told[9:12].decode("latin-1"), problems


def _bytes(line: str, headers: tuple[str, ...], before: str, marker: str) -> bytes:
    body = before + _HIDDEN.format(id=marker)
    head = "\r\n".join((line, *headers)).format(length=len(body))
    return f"{head}\r\n\r\n{body}".encode("latin-1")


async def _attack(door: Address, data: bytes) -> bytes:
    """All that comes back, until the proxy closes or is silent."""
    reader, writer = await asyncio.open_connection(*door)
    found = b""
    try:
        writer.write(data)
        async with asyncio.timeout(0.5):
            while part := await reader.read(65536):
                found += part
                if found.count(b"HTTP/1.") >= 2:
                    break
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    return found


async def _neighbour(rig: Rig, door: Address, name: str, marker: str) -> list[str]:
    """Another caller, on a connection of its own."""
    [response] = await rig.calls.many("h1", door, [Request("GET", f"/{name}", "web.shop", ((ROW_HEADER, name),))])
    if response.status != 200 or first(response.headers, "x-app") != "web-1":
        return [f"a neighbour got {response.status} {response.error}"]
    text = response.body.decode("latin-1")
    return [] if name in text and marker not in text else [f"a neighbour got what was another's: {text[:200]}"]

"""Proves that the demo mesh does what it says: over REST and by calling the shop, nothing else."""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from cryptography import x509

from deploy.demo.graph import ALLOWED, BY_GROUP, CANARY, DENIED, DIRECTORY, HTTPS_PORT, INGRESS, MACHINES, PORT, SHOP_HOST
from deploy.demo.mesh import DemoMesh, until
from meshweb.cli import documents

Evidence = str
_CALLS = 400
_AT_ONCE = 4
_EDGES_SECONDS = 45.0


class Wrong(Exception):
    """A check that does not hold; the message is the evidence."""


async def run(mesh: DemoMesh, say: Callable[[str], None]) -> bool:
    """Says each check with its evidence. Whether all hold."""
    checks: list[tuple[str, Callable[[DemoMesh], Awaitable[Evidence]]]] = [
        ("every proxy is live", _all_live),
        ("the topology is the shop's, all of it over mTLS", _topology),
        ("what no policy allows is denied", _denied),
        ("plain text gets nowhere", _plain_text),
        ("the gateway lets visitors in, by its host, over HTTP and HTTPS", _gateway),
        ("the canary gets its share", _canary),
        ("a change of weights goes live and is seen in traffic", _weights),
        ("no proxy refused anything", _no_refusal),
    ]
    good = True
    for name, check in checks:
        try:
            say(f"ok     {name}: {await check(mesh)}")
        except Wrong as wrong:
            good = False
            say(f"WRONG  {name}: {wrong}")
    return good


async def _all_live(mesh: DemoMesh) -> Evidence:
    proxies = await asyncio.to_thread(lambda: list(mesh.client.pages("/proxies")))
    states = {proxy["id"]: proxy["state"] for proxy in proxies}
    wanted = {machine.proxy for machine in MACHINES}
    if set(states) != wanted or set(states.values()) != {"synced"}:
        raise Wrong(f"{states}, instead of {sorted(wanted)} all synced")
    versions = sorted({proxy["envoyVersion"] for proxy in proxies})
    return f"{len(proxies)} proxies synced, Envoy {', '.join(versions)}"


async def _topology(mesh: DemoMesh) -> Evidence:
    wanted = ALLOWED | {DENIED}

    def read() -> dict[tuple[str, str], dict[str, Any]]:
        edges = mesh.client.get("/topology", window="60s")["edges"]
        return {(edge["source"], edge["destination"]): edge for edge in edges if edge["requests"] or edge["denied"]}

    def complete(found: dict[tuple[str, str], dict[str, Any]]) -> bool:
        return wanted <= set(found)

    edges = await until(read, complete, _EDGES_SECONDS, every=1.0)
    if set(edges) != wanted:
        raise Wrong(f"missing {sorted(wanted - set(edges))}, unexpected {sorted(set(edges) - wanted)}")
    plain = [f"{source} -> {destination}" for (source, destination), edge in edges.items() if edge["mtls"] is not True]
    if plain:
        raise Wrong(f"not seen as mTLS: {', '.join(plain)}")
    rates = ", ".join(f"{s.partition('/')[2]} -> {d.partition('/')[2]} {e['rps']:.1f}/s" for (s, d), e in sorted(edges.items()))
    return f"{len(edges)} edges ({rates})"


async def _denied(mesh: DemoMesh) -> Evidence:
    reports = BY_GROUP["batch-reports"]
    statuses = Counter(await _calls(f"http://{reports.application}:{PORT}/export", "GET", 20, _inner_status))
    if set(statuses) != {403}:
        raise Wrong(f"{DENIED[0]} calling {DENIED[1]} got {dict(statuses)} instead of 403 alone")

    def read() -> dict[str, Any]:
        edges = mesh.client.get("/topology", window="60s")["edges"]
        return next((edge for edge in edges if (edge["source"], edge["destination"]) == DENIED), {})

    edge = await until(read, lambda found: found.get("health") == "deny", 20.0, every=1.0)
    if not edge.get("denied") or edge["classes"]["2xx"]:
        raise Wrong(f"the topology does not show it: {edge}")
    return f"{statuses[403]} of 20 calls answered 403; the topology shows {edge['denied']:.2f} denials/s and no success"


async def _plain_text(_mesh: DemoMesh) -> Evidence:
    payments = BY_GROUP["payments-v1"]
    url = f"http://{payments.bind}:{PORT}/charge"
    try:
        async with httpx.AsyncClient(timeout=5.0) as client:
            answer = await client.post(url)
    except httpx.TransportError as error:
        return f"{url} without mTLS: {type(error).__name__}"
    raise Wrong(f"{url} answers {answer.status_code} without mTLS")


async def _gateway(_mesh: DemoMesh) -> Evidence:
    """With the certificate that the Secret holds, and for no other host."""
    plain = f"http://{INGRESS.bind}:{PORT}/"
    encrypted = f"https://{SHOP_HOST}:{HTTPS_PORT}/"
    names: set[str] = set()

    def sni_call() -> int:
        # Signed by itself: what matters here is that it is the one for this name.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection((INGRESS.bind, HTTPS_PORT), timeout=5.0) as raw,
            context.wrap_socket(raw, server_hostname=SHOP_HOST) as tls,
        ):
            certificate = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"")
            names.update(
                certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
                    x509.DNSName
                )
            )
            tls.sendall(f"GET / HTTP/1.1\r\nhost: {SHOP_HOST}\r\nconnection: close\r\n\r\n".encode())
            return int(tls.recv(4096).split(b" ", 2)[1])

    async with httpx.AsyncClient(timeout=5.0) as client:
        statuses = {
            host: (await client.get(plain, headers={"host": host})).status_code for host in (SHOP_HOST, "other.example")
        }
    over_tls = await asyncio.to_thread(sni_call)
    if statuses != {SHOP_HOST: 200, "other.example": 404} or over_tls != 200 or SHOP_HOST not in names:
        raise Wrong(f"{plain} by host {statuses}, {encrypted} {over_tls} with a certificate for {sorted(names)}")
    return f"{SHOP_HOST} 200 over HTTP and HTTPS, other.example 404"


async def _canary(_mesh: DemoMesh) -> Evidence:
    return await _share(CANARY)


async def _weights(mesh: DemoMesh) -> Evidence:
    try:
        live = await asyncio.to_thread(_apply, mesh, str(DIRECTORY / "try" / "payments-half.yaml"))
        seen = await _share(0.5)
    finally:
        await asyncio.to_thread(_apply, mesh, str(DIRECTORY / "40-routes.yaml"))
    return f"{live}; then {seen}; set back to {CANARY:.0%}"


async def _no_refusal(mesh: DemoMesh) -> Evidence:
    proxies = await asyncio.to_thread(lambda: list(mesh.client.pages("/proxies")))
    refused = [f"{p['id']} {t['type']}: {t['detail']}" for p in proxies for t in p["types"] if t["state"] == "rejected"]
    revisions = await asyncio.to_thread(lambda: list(mesh.client.pages("/revisions")))
    refused += [f"revision {revision['number']}" for revision in revisions if revision["state"] == "rejected"]
    if refused:
        raise Wrong("; ".join(refused))
    return f"{sum(len(proxy['types']) for proxy in proxies)} types on {len(proxies)} proxies, {len(revisions)} revisions"


def _apply(mesh: DemoMesh, path: str) -> Evidence:
    found = documents.read([path])
    result = mesh.client.call("POST", "/apply", query={"reason": "check"}, yaml=documents.body(found), documents=found).json()
    number = result["revision"]
    if number is None:
        return "nothing to change"
    revision = mesh.client.call("GET", f"/revisions/{number}", query={"wait": "20s"}, timeout=30.0).json()
    if revision["state"] != "live":
        raise Wrong(f"revision {number} is {revision['state']}: {revision['proxies']}")
    times = [proxy["millis"] for proxy in revision["proxies"] if proxy["millis"] is not None]
    return f"revision {number} live on {revision['counts']['live']} proxies within {max(times, default=0):.0f} ms"


async def _share(wanted: float) -> Evidence:
    """Version 2's share of payments, by orders placed in the shop; within three standard deviations."""
    web = BY_GROUP["web"]
    versions = Counter(await _calls(f"http://{web.application}:{PORT}/checkout", "POST", _CALLS, _payments_version))
    total = versions["v1"] + versions["v2"]
    if total != _CALLS:
        raise Wrong(f"{_CALLS} orders were answered by {dict(versions)}")
    share, deviation = versions["v2"] / total, math.sqrt(wanted * (1 - wanted) / total)
    text = f"{versions['v2']} of {total} orders paid by v2, {share:.1%} (wanted {wanted:.0%} ± {3 * deviation:.1%})"
    if abs(share - wanted) > 3 * deviation:
        raise Wrong(text)
    return text


async def _calls(url: str, method: str, count: int, read: Callable[[httpx.Response], Any]) -> list[Any]:
    def call(_number: int) -> Any:
        return read(client.request(method, url))

    with httpx.Client(timeout=10.0) as client, ThreadPoolExecutor(_AT_ONCE) as pool:
        return await asyncio.to_thread(lambda: list(pool.map(call, range(count))))


def _inner_status(answer: httpx.Response) -> int:
    return int(answer.json()["calls"][0]["status"])


def _payments_version(answer: httpx.Response) -> str:
    """web -> checkout -> payments; what else came instead of an answer is told as it is."""
    try:
        return str(answer.json()["calls"][0]["calls"][0]["version"])
    except (KeyError, IndexError, ValueError):
        return f"{answer.status_code} {answer.text[:200]}"

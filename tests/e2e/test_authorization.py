"""Who may call, from the document to the reason: what explain says, what Envoys do, and what is told of it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from tests import factories as make
from tests.agent.rig import get, until
from tests.e2e.conftest import Mesh
from tests.traffic import tokens

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMES = ("no-admin", "tried", "callers", "asks", "records")


def _policies() -> list[dict[str, Any]]:
    selector = {"matchLabels": {"app": "pay"}}
    admin = [{"to": [{"operation": {"paths": ["/free"]}}]}, {"to": [{"operation": {"paths": ["/admin", "/admin/*"]}}]}]
    tried = [{"to": [{"operation": {"paths": ["/watched"]}}]}]
    callers = [{"to": [{"operation": {"methods": ["GET"], "notPaths": ["/nobody"]}}]}]
    policy = "AuthorizationPolicy"
    return [
        make.document(policy, "no-admin", {"selector": selector, "action": "DENY", "rules": admin}),
        make.document(
            policy,
            "tried",
            {"selector": selector, "action": "DENY", "rules": tried},
            annotations={"istio.io/dry-run": "true"},
        ),
        make.document(policy, "callers", {"selector": selector, "action": "ALLOW", "rules": callers}),
        make.document(policy, "asks", _asks("void", "/asked")),
        make.document(
            policy,
            "records",
            {
                "selector": selector,
                "action": "AUDIT",
                "rules": [{"to": [{"operation": {"paths": ["/x", "/asked", "/admin/*"]}}]}],
            },
        ),
    ]


def _asks(provider: str, path: str) -> dict[str, Any]:
    rules = [{"to": [{"operation": {"paths": [path]}}]}]
    return {
        "selector": {"matchLabels": {"app": "pay"}},
        "action": "CUSTOM",
        "provider": {"name": provider},
        "rules": rules,
    }


def _provider() -> list[dict[str, Any]]:
    """One behind which nobody stands."""
    http = {"service": "void.shop", "port": 8080}
    providers = [{"name": "void", "envoyExtAuthzHttp": http}]
    return [make.service("void"), make.document("MeshConfig", "default", {"extensionProviders": providers})]


async def test_a_denial_names_its_rule_wherever_it_is_asked(mesh: Mesh) -> None:
    plane, place = mesh.plane, await mesh.web.place("pay")
    expected = {
        "/x": (200, "allow"),
        "/admin/x": (403, "deny"),
        "/nobody": (403, "deny"),
        "/watched": (200, "allow"),
        "/asked": (403, "ask"),
    }
    try:
        await plane.apply(*_provider())
        await plane.apply(*_policies())
        for path, (status, decision) in expected.items():
            assert [(await get(*place, path))[0] for _ in range(3)] == [status] * 3, path
            answer = await plane.call("POST", "explain", {"from": mesh.web.proxy, "to": "shop/pay", "path": path})
            assert answer.json()["decision"] == decision, answer.text
        wanted = {
            ("AuthorizationPolicy shop/no-admin", "/spec/rules/1", False): 3,
            (None, "", False): 3,
            ("AuthorizationPolicy shop/tried", "/spec/rules/0", True): 3,
            ("AuthorizationPolicy shop/asks", "/spec/rules/0", False): 3,
        }

        async def told() -> bool:
            found = (await plane.read("denials?source=shop/web&window=5m"))["items"]
            return {(d["document"], d["field"], d["dryRun"]): d["requests"] for d in found} == wanted

        await until(told, "each denial is told with its rule", 30)
        recorded = {("/x", True, 200): 3, ("/asked", False, 403): 3, ("/admin/x", False, 403): 3}

        async def kept() -> bool:
            found = (await plane.read("access-records?policy=shop/records&source=shop/web&window=5m"))["items"]
            return Counter((r["path"], r["allowed"], r["status"]) for r in found) == recorded

        await until(kept, "each call that the AUDIT policy names is recorded", 30)
    finally:
        for name in NAMES:
            await plane.call("DELETE", f"authorizationpolicies/shop/{name}", If_Match="*")
        for path in ("meshconfigs/default", "services/shop/void"):
            await plane.call("DELETE", path, If_Match="*")


async def test_what_else_turned_a_call_away_is_told_too(mesh: Mesh) -> None:
    """A token that cannot be verified, a policy on a TCP port, and a plain connection from before mTLS was demanded."""
    plane, server = mesh.plane, mesh.a
    rules = [{"issuer": "https://a.example", "jwks": json.dumps({"keys": [tokens.public_key("ec")]})}]
    selector = {"matchLabels": {"version": "a"}}
    documents = [
        make.document("Service", "raw", {"selector": {"app": "pay", "version": "a"}, "ports": [{"name": "tcp", "port": 9000}]}),
        make.document("RequestAuthentication", "users", {"selector": selector, "jwtRules": rules}),
        make.document("PeerAuthentication", "pay-a", {"selector": selector, "mtls": {"mode": "PERMISSIVE"}}),
        make.document(
            "AuthorizationPolicy",
            "raw",
            {"selector": selector, "action": "DENY", "rules": [{"to": [{"operation": {"ports": ["9000"]}}]}]},
        ),
    ]
    listening = await asyncio.start_server(_echo, server.app_host, 9000)
    try:
        await plane.apply(*documents)
        expired = tokens.token(tokens.TokenSpec(exp=-3600))
        place = await mesh.web.place("pay-a")

        async def refused() -> bool:
            return await _ask(place, authorization=f"Bearer {expired}") == 401

        await until(refused, "connections from before are gone", 10)
        assert await _line(await mesh.web.place("raw", 9000)) == b""
        plain = await asyncio.open_connection(server.bind, 8080)
        assert await _on(plain) == 200
        demanded = {"selector": selector, "mtls": {"mode": "STRICT"}}
        await plane.apply(make.document("PeerAuthentication", "pay-a", demanded))
        assert await _on(plain) == 403, "what is acknowledged holds for the next request, also on a connection that is open"
        wanted = {
            ("shop/web", "token", "Jwt is expired", None),
            ("shop/web", "policy", "", "AuthorizationPolicy shop/raw"),
            ("unknown", "mtls", "", None),
        }

        async def told() -> bool:
            found = (await plane.read("denials?destination=shop/pay&window=5m"))["items"]
            return wanted <= {(d["source"], d["cause"], d["detail"], d["document"]) for d in found}

        await until(told, "each is told with its cause", 30)
    finally:
        listening.close()
        for path in ("services/shop/raw", "requestauthentications/shop/users", "peerauthentications/shop/pay-a"):
            await plane.call("DELETE", path, If_Match="*")
        await plane.call("DELETE", "authorizationpolicies/shop/raw", If_Match="*")


async def test_keys_rotate_and_their_source_goes_away(mesh: Mesh) -> None:
    """J6: a new key is taken, one that is gone is not, and while the source is away the last good keys serve."""
    plane, keys, place = mesh.plane, mesh.keys, await mesh.web.place("pay-a")

    def served(*names: str) -> None:
        keys.body, keys.status = json.dumps({"keys": [tokens.public_key(name) for name in names]}).encode(), 200

    async def statuses() -> dict[str, int]:
        made = {name: tokens.token(tokens.TokenSpec(key=name)) for name in ("ec", "second")}
        return {name: await _ask(place, authorization=f"Bearer {token}") for name, token in made.items()}

    async def come_to(**wanted: int) -> None:
        async def reached() -> bool:
            return await statuses() == wanted

        await until(reached, f"tokens are answered {wanted}", 40)

    rules = [{"issuer": "https://a.example", "jwksUri": f"https://localhost:{keys.port}/keys"}]
    served("ec")
    try:
        await plane.apply(
            make.document("RequestAuthentication", "users", {"selector": {"matchLabels": {"version": "a"}}, "jwtRules": rules})
        )
        await come_to(ec=200, second=401)
        served("ec", "second")
        await come_to(ec=200, second=200)
        served("second")
        await come_to(ec=401, second=200)
        asked, keys.status = len(keys.asked), 503

        async def told() -> bool:
            document = await plane.read("requestauthentications/shop/users")
            return len(keys.asked) > asked + 1 and "serve on, but their source is away" in json.dumps(document["status"])

        await until(told, "the document says that its source is away", 30)
        assert await statuses() == {"ec": 401, "second": 200}
    finally:
        await plane.call("DELETE", "requestauthentications/shop/users", If_Match="*")


async def _ask(place: tuple[str, int], **headers: str) -> int:
    connection = await asyncio.open_connection(*place)
    return await _on(connection, **headers)


async def _on(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], **headers: str) -> int:
    """The status of one more request on a connection."""
    reader, writer = connection
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"GET / HTTP/1.1\r\nhost: pay\r\n{lines}\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next((int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")), 0)
    await reader.readexactly(length)
    return int(head.split(" ", 2)[1])


async def _line(place: tuple[str, int]) -> bytes:
    """What comes back for a line; empty: the connection was closed."""
    reader, writer = await asyncio.open_connection(*place)
    writer.write(b"hello\n")
    try:
        return await reader.readline()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readline())
    writer.close()

"""What AUDIT policies have recorded, on real Envoys: each call once, in whatever way it ends."""

from __future__ import annotations

import time
from typing import Any

import yaml

from tests.agent.rig import until
from tests.traffic.cases import Case, File, Wire
from tests.traffic.conftest import Driver
from tests.traffic.mesh import HTTP, TCP
from tests.traffic.model import Request

Json = dict[str, Any]
_WAIT_SECONDS = 8


def _policy(name: str, action: str, rules: list[Json], **spec: Any) -> Json:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "api"}}, "action": action, "rules": rules, **spec},
    }


def _to(**operation: Any) -> Json:
    return {"to": [{"operation": operation}]}


_DOCUMENTS = (
    _policy("first", "AUDIT", [_to(methods=["PUT"], ports=[str(HTTP)]), _to(paths=["/seen*"], ports=[str(HTTP)])]),
    _policy(
        "header",
        "AUDIT",
        [
            {
                **_to(paths=["/header"], ports=[str(HTTP)]),
                "when": [{"key": "request.headers[x-role]", "notValues": ["robot"]}],
            }
        ],
    ),
    _policy("raw", "AUDIT", [{**_to(ports=[str(TCP)]), "from": [{"source": {"notPrincipals": ["*/sa/web"]}}]}]),
    _policy("deny", "DENY", [_to(paths=["/seen/denied"], ports=[str(HTTP)])]),
    _policy("ask", "CUSTOM", [_to(paths=["/seen/asked"], ports=[str(HTTP)])], provider={"name": "nobody"}),
    _policy("deny-raw", "DENY", [{**_to(ports=[str(TCP)]), "from": [{"source": {"namespaces": ["other"]}}]}]),
)
_API = "spiffe://cluster.local/ns/shop/sa/api"
_CLIENT = "spiffe://cluster.local/ns/other/sa/client"


def _record(policy: str, rule: int, source: str, allowed: bool, **request: Any) -> Json:
    port = HTTP if request else TCP
    name = f"ns[shop]-policy[{policy}]-rule[{rule}]"
    return {"source": source, "port": port, "policy": name, "allowed": allowed, **request}


CALLS: tuple[tuple[Wire, str, str, str, tuple[tuple[str, str], ...], Json | None], ...] = (
    ("h1", "shop/api", "GET", "/seen/a?secret=1", (), _record("first", 1, _API, True, method="GET", path="/seen/a", status=200)),
    ("h2", "shop/api", "PUT", "/seen/b", (), _record("first", 0, _API, True, method="PUT", path="/seen/b", status=200)),
    ("h1", "other/client", "GET", "/seen/denied", (), _record("first", 1, _CLIENT, False, method="GET", path="/seen/denied", status=403)),
    ("h2", "shop/api", "GET", "/seen/asked", (), _record("first", 1, _API, False, method="GET", path="/seen/asked", status=403)),
    ("h1", "shop/api", "GET", "/status/503", (), None),
    ("h1", "shop/api", "PUT", "/status/503", (), _record("first", 0, _API, True, method="PUT", path="/status/503", status=503)),
    ("h2", "shop/api", "GET", "/header", (("x-role", "robot"),), None),
    ("h2", "shop/api", "GET", "/header", (("x-role", "a"),), _record("header", 0, _API, True, method="GET", path="/header", status=200)),
    ("tcp", "shop/api", "", "", (), _record("raw", 0, _API, True)),
    ("tcp", "shop/web", "", "", (), None),
    ("tcp", "other/client", "", "", (), _record("raw", 0, _CLIENT, False)),
)  # fmt: skip


def test_each_call_is_recorded_once(driver: Driver) -> None:
    rig = driver.rig
    text = yaml.safe_dump_all(_DOCUMENTS)
    api, telemetry = rig.vms["shop/api-1"], rig.sidecars.by_id["shop/api-1"].telemetry

    async def run() -> list[Json]:
        await rig.use(Case("access/records", File(documents=text)))
        telemetry.freeze(0.0)
        telemetry.acknowledged()
        for wire, identity, method, path, headers, _ in CALLS:
            alpn = ("meshweb", {"h1": "http/1.1"}.get(wire, wire)) if wire != "tcp" else ("meshweb",)
            body = b"hello" if wire == "tcp" else b""
            request = Request(method, path, "api.shop", headers, body, tls=True, identity=identity, alpn=alpn)
            await rig.calls.many(wire, (api.bind, TCP if wire == "tcp" else HTTP), [request])
        found: list[Json] = []

        def recorded() -> bool:
            found.extend(map(dict, telemetry.freeze(0.0)["accessRecords"]))
            telemetry.acknowledged()
            return len(found) >= len(wanted)

        await until(recorded, "each call is recorded", _WAIT_SECONDS)
        return found

    wanted = [record for *_, record in CALLS if record is not None]
    begun = time.time()
    found = driver.run(run())
    assert all(begun - 1 < record.pop("at") < time.time() + 1 for record in found)
    assert sorted(found, key=str) == sorted(wanted, key=str)

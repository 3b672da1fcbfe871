"""Paths in every spelling: what policy and application see is what `core/paths.py` says, for all 255 escapes of a byte (as Istio tests
them), and for slashes, dots, backslashes, parameters, fragments, case and encodings in many combinations."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator

import pytest

from meshweb.core.paths import Unreadable, normalized
from tests.traffic.cases import Case, File
from tests.traffic.conftest import Driver
from tests.traffic.model import Request, Response, first

_POLICY = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-admin, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  action: DENY
  rules: [{to: [{operation: {paths: ["/admin", "/admin/*"]}}]}]
"""


def _escapes() -> Iterator[str]:
    for byte in range(1, 256):
        for escape in {f"%{byte:02x}", f"%{byte:02X}"}:
            yield from (f"/admin{escape}", f"/{escape}admin", f"/x/{escape}/admin", f"/ad{escape}in/x")


def _variants() -> Iterator[str]:
    before = (
        "/",
        "//",
        "/./",
        "/x/../",
        "/x/%2e%2e/",
        "/%2e/",
        "/;/",
        "/x;y/../",
        "/..;/",
        "/\\",
        "/x\\..\\",
        "/x/..;a=b/",
        "/%2f",
    )
    name = (
        "admin",
        "%61dmin",
        "adm%69n",
        "ADMIN",
        "Admin",
        "admin;a=b",
        "admin;",
        "a%64min;x=/y",
        "%2561dmin",
        "adm%u0069n",
        "admin%00",
    )
    after = (
        "",
        "/",
        "//",
        "/x",
        "/.",
        "/..",
        "/x/..",
        ";x",
        "?",
        "?x=1",
        "#",
        "#x",
        "%20",
        ".",
        "%2e",
        "\\",
        "\\x",
        "%3f",
        "%23",
    )
    yield from ("".join(parts) for parts in itertools.product(before, name, after))


def _expected(path: str) -> str:
    try:
        seen = normalized(path)
    except Unreadable:
        return "refused"
    bare = "/".join(part.partition(";")[0] for part in seen.split("/"))
    return "denied" if bare == "/admin" or bare.startswith("/admin/") else f"seen as {seen}"


def _came(response: Response) -> str:
    if first(response.headers, "x-app") is not None:
        return f"seen as {json.loads(response.body)['path'].partition('?')[0]}"
    return {403: "denied", 400: "refused"}.get(response.status, f"{response.status} {response.error}")


@pytest.mark.parametrize("paths", [_escapes(), _variants()], ids=["escapes", "variants"])
def test_policy_and_application_see_one_path(driver: Driver, paths: Iterable[str]) -> None:
    rig = driver.rig
    driver.run(rig.use(Case("paths/no-admin", File(documents=_POLICY))))
    asked = list(dict.fromkeys(paths))
    requests = [Request("GET", path, "web.shop", tls=True, identity="shop/web", sni="web.shop") for path in asked]
    responses = driver.run(rig.calls.many("h1", (rig.vms["shop/web-1"].bind, 8080), requests, 4))
    differences = [
        f"{path}: {expected}, but {came}"
        for path, response in zip(asked, responses, strict=True)
        # Refused by a route, a path was judged by policies before.
        if (came := _came(response)) != (expected := _expected(path)) and (expected, came) != ("refused", "denied")
    ]
    assert not differences, f"{len(differences)} of {len(asked)}:\n" + "\n".join(differences[:40])
    assert {_expected(path).split()[0] for path in asked} == {"denied", "refused", "seen"}

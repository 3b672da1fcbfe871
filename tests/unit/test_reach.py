"""What a caller may do there, over all requests, and who says so."""

from __future__ import annotations

import time
from typing import Any

import pytest

from meshweb.core.mesh import build_mesh
from meshweb.core.names import ServiceRef
from meshweb.core.reach import Map, Reached
from meshweb.kinds.registry import KINDS
from tests import factories as make
from tests.golden.rig import intent_of

Json = dict[str, Any]
_MESH = (
    make.namespace(),
    make.service("web"),
    make.service("pay"),
    make.service("pay-v1", app="pay", version="v1"),
    make.service("alias"),
    make.service("empty"),
    make.entry("web-1", "10.0.0.1", "web", app="web"),
    make.entry("pay-1", "10.0.0.2", "pay", app="pay", version="v1"),
    make.entry("pay-2", "10.0.0.3", "pay", app="pay", version="v2"),
    make.entry("lonely", "10.0.0.4", "batch", app="lonely"),
    make.route("alias", {"pay-v1": 1}),
)
WEB = ("spiffe://cluster.local/ns/shop/sa/web",)
BATCH = ("spiffe://cluster.local/ns/shop/sa/batch",)
_FROM_WEB = [{"source": {"principals": ["cluster.local/ns/shop/sa/web"]}}]


def _policy(name: str, rules: list[Json], action: str = "ALLOW", version: str = "", **metadata: Any) -> Json:
    labels = {"app": "pay", **({"version": version} if version else {})}
    spec = {"selector": {"matchLabels": labels}, "action": action, "rules": rules}
    return make.document("AuthorizationPolicy", name, spec, **metadata)


def _map(*policies: Json) -> Map:
    return Map(build_mesh(intent_of([*_MESH, *policies], {}), KINDS))


def _reached(access: Map, identities: tuple[str, ...], service: str) -> Reached:
    return access.reached(identities, access.mesh.services[ServiceRef("shop", service)])


def _said(found: Reached) -> list[str]:
    return [
        f"{r.effect} {r.document.name if r.document else ''}{'' if r.rule is None else f' {r.rule}'}" for r in found.reasons
    ]


_DENY_ALL = make.document("MeshConfig", "default", {"defaultAuthorization": "DENY"})
_GET = {"to": [{"operation": {"methods": ["GET"]}}]}
TABLE: dict[str, tuple[list[Json], tuple[str, ...], str, tuple[str, bool, list[str]]]] = {
    "nothing stands there": ([], WEB, "pay", ("always", False, [])),
    "no certificate": ([], ("",), "pay", ("never", False, ["mtls "])),
    "nobody stands there": ([], WEB, "empty", ("never", False, [])),
    "named": ([_policy("p", [{"from": _FROM_WEB}])], WEB, "pay", ("always", True, ["allows p 0"])),
    "not named": ([_policy("p", [{"from": _FROM_WEB}])], BATCH, "pay", ("never", True, ["silent p"])),
    "no rules": ([_policy("p", [])], WEB, "pay", ("never", True, ["silent p"])),
    "for some requests": ([_policy("p", [{"from": _FROM_WEB, **_GET}])], WEB, "pay", ("sometimes", True, ["allows p 0"])),
    "denied for some": ([_policy("d", [_GET], "DENY")], WEB, "pay", ("sometimes", False, ["denies d 0"])),
    "denied": (
        [_policy("d", [_GET, {"from": _FROM_WEB}], "DENY"), _policy("p", [{}])],
        WEB,
        "pay",
        ("never", True, ["denies d 1"]),
    ),
    "a dry run decides nothing": (
        [_policy("p", [], annotations={"istio.io/dry-run": "true"})],
        WEB,
        "pay",
        ("always", False, []),
    ),
    "the mesh denies by default": ([_DENY_ALL], WEB, "pay", ("never", False, ["silent default"])),
    "the mesh denies by default, a policy does not": (
        [_DENY_ALL, _policy("p", [{"from": _FROM_WEB}])],
        WEB,
        "pay",
        ("always", True, ["allows p 0"]),
    ),
    "another port": (
        [_policy("p", [{"to": [{"operation": {"ports": ["9999"]}}]}])],
        WEB,
        "pay",
        ("never", True, ["silent p"]),
    ),
    "its port": ([_policy("p", [{"to": [{"operation": {"ports": ["8080"]}}]}])], WEB, "pay", ("always", True, ["allows p 0"])),
    "at some workloads": ([_policy("p", [], version="v2")], WEB, "pay", ("sometimes", False, ["silent p"])),
    "where its routes lead": ([_policy("p", [], version="v2")], WEB, "alias", ("always", False, [])),
    "by some of its identities": (
        [_policy("p", [{"from": _FROM_WEB}])],
        (*WEB, *BATCH),
        "pay",
        ("sometimes", True, ["allows p 0", "silent p"]),
    ),
    "tokens that nobody verifies": (
        [_policy("p", [{"from": [{"source": {"requestPrincipals": ["*"]}}]}])],
        WEB,
        "pay",
        ("never", True, ["silent p"]),
    ),
}


@pytest.mark.parametrize(("policies", "identities", "service", "expected"), TABLE.values(), ids=TABLE)
def test_what_is_said_of_all_calls(
    policies: list[Json], identities: tuple[str, ...], service: str, expected: tuple[str, bool, list[str]]
) -> None:
    found = _reached(_map(*policies), identities, service)
    assert (found.reach.value, found.declared, _said(found)) == expected


@pytest.mark.parametrize(("rule", "anyone"), [({}, True), (_GET, True), ({"from": _FROM_WEB}, False)])
def test_a_rule_for_everybody_is_told_from_one_that_names_callers(rule: Json, anyone: bool) -> None:
    assert _reached(_map(_policy("p", [rule])), WEB, "pay").admitted_by_anyone == anyone


def test_callers_are_named_as_telemetry_names_them() -> None:
    found = {caller.name: (caller.service, caller.identities) for caller in _map().callers.values()}
    accounts = {name: (f"spiffe://cluster.local/ns/shop/sa/{account}",) for name, account in
                {"shop/web": "web", "shop/pay": "pay", "shop/lonely": "batch"}.items()}  # fmt: skip
    assert found == {name: (name != "shop/lonely", identities) for name, identities in accounts.items()}


def test_a_hundred_services_and_as_many_callers_take_no_second() -> None:
    names = [f"s{number}" for number in range(100)]
    documents = [make.namespace()]
    for number, name in enumerate(names):
        documents += [make.service(name), make.entry(f"{name}-1", f"10.1.0.{number}", name, app=name)]
        callers = [f"cluster.local/ns/shop/sa/s{other}" for other in range(number)] or ["nobody"]
        rules = [{"from": [{"source": {"principals": callers}}], **_GET}]
        documents.append(
            make.document("AuthorizationPolicy", name, {"selector": {"matchLabels": {"app": name}}, "rules": rules})
        )
    access = Map(build_mesh(intent_of(documents, {}), KINDS))
    begun = time.process_time()
    found = [_reached(access, access.callers[f"shop/{a}"].identities, b).reach for a in names for b in names]
    assert time.process_time() - begun < 1
    assert {reach.value: found.count(reach) for reach in set(found)} == {"sometimes": 4950, "never": 5050}

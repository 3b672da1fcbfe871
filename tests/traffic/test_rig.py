"""The rig itself: a row that is wrong fails, a file that is wrong is refused, and Envoy's NACK is told in its words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshweb.core.errors import InvalidDocument
from meshweb.core.snapshot import Section, Snapshot, TypeUrl, XdsResource
from meshweb.protos import message
from tests.traffic import mesh
from tests.traffic.calls import Calls
from tests.traffic.cases import Case, File, Row, load
from tests.traffic.conftest import Driver
from tests.traffic.model import Request
from tests.traffic.sidecars import Refused
from tests.traffic.tls import Callers

EMPTY = Case("rig/empty", File())
PAY = {"to": "pay-a.shop:8080"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"status": 404}, "status: 200 instead of 404"),
        ({"app": "pay-b-1"}, "app: pay-a-1 instead of pay-b-1"),
        ({"seen": {"path": "/x"}}, "seen path: '/' instead of '/x'"),
        ({"seen": {"headers": {"x-request-id": None}}}, "seen header x-request-id"),
        ({"headers": {"x-a": ["1", "2"]}, "seen": {"headers": {"x-a": ["2", "1"]}}}, "seen header x-a: ['1', '2']"),
        ({"answer": {"x-app": "~b-1$"}}, "answer header x-app: ['pay-a-1']"),
        ({"n": 10, "share": {"pay-b-1": 1}}, "share: pay-b-1 has 0.000 of 40 instead of 1"),
        ({"n": 10, "share": {"pay-a-1": 0.5, "pay-b-1": 0.5}}, "share: pay-a-1 has 1.000 of 40 instead of 0.5"),
        ({"to": "pay.shop:8080", "n": 20, "sticky": True}, "sticky: "),
        ({"tries": 2}, "tries: 1 instead of 2"),
        ({"at_least_ms": 3000}, "ms, less than 3000"),
        ({"path": "/slow/60", "at_most_ms": 30}, "ms, more than 30"),
        ({"error": "refused"}, "error: None instead of refused"),
        ({"path": "/reset", "at": "shop/pay-a-1:8080"}, "error: "),
        ({"certificate": "x"}, "certificate: [] instead of 'x'"),
        (
            {"to": "api.shop:8082", "protocols": ["grpc"], "path": "/a.B/C", "grpc": "NOT_FOUND"},
            "gRPC status: OK instead of NOT_FOUND",
        ),
        ({"to": "api.shop:8082", "protocols": ["grpc"], "path": "/a.B/CStream", "messages": 2}, "messages: 3 instead of 2"),
    ],
)
def test_a_wrong_row_fails(driver: Driver, row: dict[str, Any], words: str) -> None:
    driver.run(driver.rig.use(EMPTY))
    made = Row.model_validate({"name": "row", **PAY, **row})
    for wire in made.runs:
        with pytest.raises(AssertionError) as failure:
            driver.run(driver.rig.run(made, wire))
        assert words in str(failure.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rows: [{name: a, to: 'pay.shop:8080', stat: 200}]", "stat"),
        ("rows: [{name: a}]", "neither `to` nor `at`"),
        ("rows: [{name: a, to: 'x:1'}, {name: a, to: 'x:1'}]", "rows of the same name: a"),
        ("rows: [{name: 'a[b]', to: 'x:1'}]", "pattern"),
        ("document: x", "document"),
        ("rows: [{name: a, to: 'x:1', seen: {header: {}}}]", "seen.header"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "area" / "case.yaml"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(ValueError) as failure:
        load(path, tmp_path)
    assert str(path) in str(failure.value)
    assert words in str(failure.value)


def test_an_unknown_place_is_told() -> None:
    with pytest.raises(KeyError):
        Case("a/b", File(documents="address: $(shop/nobody)")).documents({})


def test_a_document_that_does_not_parse_fails_every_row(driver: Driver) -> None:
    case = Case("rig/broken", File(documents="{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {port: 1}}"))
    for _ in range(2):
        with pytest.raises(InvalidDocument, match="port"):
            driver.run(driver.rig.use(case))


def test_a_refusal_is_told_in_words_of_envoy_and_the_next_case_works(driver: Driver) -> None:
    good = driver.run(driver.rig.use(EMPTY))
    snapshot = good.snapshots["shop/web-1"]
    bad = message("envoy.config.listener.v3.Listener")(name="bad").SerializeToString()
    listeners = (*snapshot.sections[TypeUrl.LISTENER], Section.of([XdsResource.of("bad", bad)]))
    broken = Snapshot(10_000_000, {**snapshot.sections, TypeUrl.LISTENER: listeners})
    with pytest.raises(Refused, match=r"shop/web-1 refused Listener: .*address"):
        driver.run(driver.rig.sidecars.push({"shop/web-1": broken}, 10))
    driver.run(driver.rig.sidecars.push({"shop/web-1": replace(snapshot, revision=10_000_001)}, 10))
    row = Row.model_validate({"name": "row", **PAY, "app": "pay-a-1"})
    driver.run(driver.rig.run(row, "h1"))


def test_a_websocket_without_sidecars(driver: Driver) -> None:
    """What a row over ws looks at: the greeting that says what the application saw, and the echo."""
    rig = driver.rig
    address = (rig.vms["shop/web-1"].app_address, mesh.HTTP)
    calls = Calls(Callers(rig.sidecars.ca, rig.world))
    (response,) = driver.run(calls.many("ws", address, [Request(path="/chat", host="chat.example", body=b"x" * 300)]))
    assert (response.status, len(response.messages), response.messages[1]) == (101, 2, b"x" * 300)
    assert response.seen is not None
    assert (response.seen.app, response.seen.path, response.seen.host) == ("web-1", "/chat", "chat.example")

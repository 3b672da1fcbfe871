"""apply, diff, delete and wait: what is sent, what is said, how it ends."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import yaml

from tests.cli import shapes
from tests.cli.conftest import Meshctl
from tests.cli.server import Answer, Server, problem

SERVICE = """\
# a comment
apiVersion: v1
kind: Service
metadata: {name: payments, namespace: shop}
spec:
  ports: [{port: 8080}]
"""
ROUTE = """\
kind: HTTPRoute
metadata:
  name: payments
  namespace: shop
"""


def test_apply_sends_the_documents_as_they_stand(meshctl: Meshctl, server: Server, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/b.yaml").write_text(
        f"---\n# nothing here\n---\n{ROUTE}---\n  kind: Namespace\n  metadata: {{name: shop}}\n"
    )
    (tmp_path / "shop/a.yml").write_text(SERVICE)
    (tmp_path / "shop/ignored.txt").write_text("not: yaml")
    server.replies["POST /apply"] = Answer(shapes.result("updated", "a: 1\n", "a: 2\n"))
    ran = meshctl("apply", "-f", "shop", "--reason", "more of it")
    assert ran == (0, "Service shop/payments updated\nrevision 7\n", "")
    (call,) = server.calls
    assert call.headers["Content-Type"] == "application/yaml"
    assert call.headers["Authorization"] == "Bearer mwt_test"
    assert call.headers["User-Agent"].startswith("meshctl/")
    assert call.query == {"reason": "more of it"}
    assert [one["kind"] for one in yaml.safe_load_all(call.body)] == ["Service", "HTTPRoute", "Namespace"]


def test_apply_reads_standard_input(meshctl: Meshctl, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(SERVICE))
    server.replies["POST /apply"] = Answer(shapes.result("unchanged", "a: 1\n", "a: 1\n", revision=None))
    assert meshctl("apply", "-f", "-", "--wait") == (0, "Service shop/payments unchanged\nnothing changed\n", "")


def test_violations_name_file_document_and_place(meshctl: Meshctl, server: Server, tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(f"{SERVICE}---\n{ROUTE}")
    errors = [
        {"document": 1, "pointer": "/spec/rules/0/backendRefs/1/port", "code": "range", "detail": "must be a port"},
        {"document": 0, "pointer": "/spec/ports", "code": "required", "detail": "must name a port"},
    ]
    server.replies["POST /apply"] = problem(422, "invalid", "2 violations", errors)
    assert meshctl("apply", "-f", "shop.yaml") == (
        1,
        "",
        (
            "meshctl: shop.yaml document 2 (HTTPRoute shop/payments) /spec/rules/0/backendRefs/1/port: must be a port\n"
            "meshctl: shop.yaml document 1 (Service shop/payments) /spec/ports: must name a port\n"
        ),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1\nb: 2\n", "x.yaml line 2, column 2: "),
        ("# only a comment\n", "there is no document in x.yaml"),
        (None, "x.yaml: No such file or directory"),
    ],
)
def test_bad_files_are_usage_errors(meshctl: Meshctl, tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "x.yaml").write_text(text)
    code, out, err = meshctl("apply", "-f", "x.yaml")
    assert (code, out) == (2, "")
    assert err.startswith(f"meshctl: {said}")


def test_dry_run_shows_difference_and_impact(meshctl: Meshctl, server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(SERVICE)
    server.replies["POST /apply"] = Answer(shapes.result("updated", "a: 1\nb: 1\n", "a: 2\nb: 1\n", None, dry_run=True))
    code, out, _ = meshctl("apply", "-f", "x.yaml", "--dry-run", "--wait")
    assert code == 0
    assert server.calls[0].query == {"dryRun": "true"}
    assert "-a: 1\n+a: 2\n b: 1\n" in out
    assert "1 proxy would change: shop/web-1, services: shop/payments\n" in out


def test_dry_run_names_the_callers_that_would_be_denied(meshctl: Meshctl, server: Server, tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(SERVICE)
    result = shapes.result("updated", "a: 1\n", "a: 2\n", None, dry_run=True)
    counts = {"requests": 9, "denied": 0, "lastSeen": shapes.NOW, "before": "allowed", "after": "denied", "reasons": []}
    change = {"fate": "newlyDenied", "source": "shop/cart", "destination": "shop/pay", "reason": "because", **counts}
    result["impact"]["access"] = shapes.access(change)
    server.replies["POST /apply"] = Answer(result)
    ran = meshctl("apply", "--dry-run", "-f", "shop.yaml")
    assert "1 edge is newly denied, checked against 4 callers seen in the last hour\n" in ran.out
    assert "  newly denied: shop/cart -> shop/pay (9 requests, last " in ran.out
    assert "newly denied: shop/cart" in meshctl("diff", "-f", "shop.yaml").err
    result["impact"]["access"] = shapes.access()
    assert "no caller is newly denied, checked against 4 callers" in meshctl("apply", "--dry-run", "-f", "shop.yaml").out
    result["impact"]["access"]["callers"] = 0
    assert "nobody called in the last hour" in meshctl("apply", "--dry-run", "-f", "shop.yaml").out


@pytest.mark.parametrize(("action", "code"), [("unchanged", 0), ("updated", 3), ("created", 3)])
def test_diff_answers_by_its_exit_code(meshctl: Meshctl, server: Server, tmp_path: Path, action: str, code: int) -> None:
    (tmp_path / "x.yaml").write_text(SERVICE)
    before = None if action == "created" else "a: 1\n"
    server.replies["POST /apply"] = Answer(shapes.result(action, before, "a: 2\n", None, dry_run=True))
    ran = meshctl("diff", "-f", "x.yaml")
    assert ran.code == code
    assert ("+a: 2" in ran.out) == (code == 3)


LIVE = shapes.revision(7, "live", 12, 12)
HALF = shapes.revision(7, "pending", 9, 12)


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ([HALF, LIVE], 0, ["revision 7 is live: 12/12 proxies live"]),
        (
            [HALF, shapes.revision(7, "rejected", 1, 2, rejected=1)],
            1,
            ["revision 7 is rejected: 1/2 proxies live, 1 refused it", "  shop/web-2: port 80 is already bound"],
        ),
        ([shapes.revision(7, "live", 1, 3, disconnected=2)], 0, ["revision 7 is live: 1/1 proxies live, 2 disconnected"]),
    ],
)
def test_wait(meshctl: Meshctl, server: Server, answers: list[dict[str, object]], code: int, said: list[str]) -> None:
    server.replies["GET /revisions/7"] = [Answer(one) for one in answers]
    ran = meshctl("wait", "revision", "7")
    assert (ran.code, ran.out.splitlines()) == (code, said)
    assert {call.query["wait"] for call in server.calls} == {"1s"}


def test_wait_runs_out_of_time(meshctl: Meshctl, server: Server) -> None:
    server.replies["GET /revisions/7"] = Answer(shapes.revision(7, "pending", 1, 2))
    ran = meshctl("wait", "revision", "7", "--timeout", "50ms")
    assert (ran.code, ran.out) == (6, "revision 7 is not live in time: 1/2 proxies live\n  shop/web-2: pending\n")


def test_wait_latest_follows_to_the_newest_revision(meshctl: Meshctl, server: Server) -> None:
    newest = [shapes.page({"number": 7}), shapes.page({"number": 8})]
    server.replies["GET /revisions"] = [Answer(one) for one in newest]
    server.replies["GET /revisions/7"] = Answer(shapes.revision(7, "superseded", 0, 2))
    server.replies["GET /revisions/8"] = Answer(shapes.revision(8, "live", 2, 2))
    ran = meshctl("wait", "--latest")
    assert (ran.code, ran.out) == (0, "revision 8 is live: 2/2 proxies live\n")
    assert ran.err == "revision 7 was overtaken: waiting for revision 8, which contains it\n"


def test_apply_waits(meshctl: Meshctl, server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(SERVICE)
    server.replies["POST /apply"] = Answer(shapes.result("created", None, "a: 2\n"))
    server.replies["GET /revisions/7"] = [Answer(HALF), Answer(LIVE)]
    assert meshctl("apply", "-f", "x.yaml", "--wait").out.splitlines()[-1] == "revision 7 is live: 12/12 proxies live"


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        (("svc", "payments", "-n", "shop"), ["/services/shop/payments"]),
        (("HTTPRoute", "shop/a", "shop/b"), ["/httproutes/shop/a", "/httproutes/shop/b"]),
        (("namespaces", "shop"), ["/namespaces/shop"]),
        (("services", "payments"), ["/services/default/payments"]),
        (("-f", "two.yaml"), ["/httproutes/shop/payments", "/services/shop/payments"]),
    ],
)
def test_delete(meshctl: Meshctl, server: Server, tmp_path: Path, arguments: tuple[str, ...], paths: list[str]) -> None:
    (tmp_path / "two.yaml").write_text(f"{SERVICE}---\n{ROUTE}")
    server.replies |= {f"DELETE {path}": Answer(status=204, headers={"Meshweb-Revision": "9"}) for path in paths}
    ran = meshctl("delete", *arguments)
    assert (ran.code, ran.err) == (0, "")
    assert [call.path for call in server.calls] == paths
    assert {call.headers["If-Match"] for call in server.calls} == {"*"}
    assert ran.out.count(" deleted, revision 9\n") == len(paths)

"""`meshctl access-matrix`: who may call whom, beside who did."""

from __future__ import annotations

from typing import Any

from meshweb.cli import OK
from meshweb.cli.client import Client
from meshweb.cli.output import Format, ago, emit, table

Json = dict[str, Any]
_ORDER = ("undeclared", "denied", "allowed", "unused", "open")


def access_matrix(client: Client, query: dict[str, str | None], form: Format, *, everything: bool) -> int:
    """`everything`: also pairs that may not call and do not try."""
    pages = [client.get("/access-matrix", **query)]
    while pages[-1]["next"]:
        pages.append(client.get("/access-matrix", **query, cursor=pages[-1]["next"]))
    # What one page left out, another may show: each ranks callers by what its services saw.
    callers = {caller["name"]: caller for page in pages for caller in page["callers"]}
    services = [service for page in pages for service in page["services"]]
    cells = [cell for page in pages for cell in page["cells"]]
    left_out = max(page["leftOut"]["callers"] for page in pages)
    if form is not Format.TABLE:
        whole = {**pages[0], "callers": list(callers.values()), "services": services, "cells": cells, "next": None}
        emit({**whole, "leftOut": {"callers": left_out, "services": 0}}, form)
        return OK
    shown = [cell for cell in cells if everything or cell["state"] != "denied" or cell["requests"] or cell["denied"]]
    shown.sort(
        key=lambda cell: (_ORDER.index(cell["state"]), -cell["denied"], -cell["requests"], cell["caller"], cell["service"])
    )
    head = ["CALLER", "SERVICE", "MAY CALL", "STATE", "REQUESTS", "DENIED", "LAST", "WHY"]
    table(head, map(_row, shown), empty="nobody may call anybody")
    if len(shown) < len(cells):
        print(f"{len(cells) - len(shown)} pairs may not call and did not try (--all shows them)")
    if left_out:
        print(
            f"up to {left_out} callers are left out for each {len(pages[0]['services'])} services: --limit, --from and --to say which"
        )
    return OK


def _row(cell: Json) -> list[Any]:
    state = f"{cell['state']} (rule for everyone)" if cell["everyone"] else cell["state"]
    may = {"allowed": "yes", "partly": "partly", "denied": "no"}[cell["access"]]
    last = ago(cell["lastSeen"]) if cell["lastSeen"] else None
    return [cell["caller"], cell["service"], may, state, cell["requests"], cell["denied"], last, cell["reason"]]

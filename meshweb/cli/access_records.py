"""`meshctl access-records`: calls that AUDIT policies recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshweb.cli import OK
from meshweb.cli.client import Client
from meshweb.cli.output import Format, emit, table


def access_records(client: Client, query: Mapping[str, str | None], form: Format) -> int:
    """query: parameters of `GET /access-records`."""
    found = client.get("/access-records", **query)
    if form is not Format.TABLE:
        emit(found, form)
        return OK
    rows = [
        [r["at"], r["source"], r["destination"], _what(r), "allowed" if r["allowed"] else "denied", _by(r)]
        for r in found["items"]
    ]
    table(
        ["AT", "CALLER", "CALLED", "WHAT", "DECISION", "RECORDED BY"],
        rows,
        empty=f"nothing was recorded in the last {query['window']}",
    )
    if found["next"] is not None:
        print(f"\nmore: --cursor {found['next']}")
    if found["lost"]:
        print(f"\n{found['lost']} more were lost: their agents had no room for them")
    return OK


def _what(record: Mapping[str, Any]) -> str:
    if not record["path"]:
        return f"connection to port {record['port']}"
    return f"{record['method'] or 'other'} {record['path']}"


def _by(record: Mapping[str, Any]) -> str:
    return f"{record['document'].partition(' ')[2]} rule {int(record['field'].rpartition('/')[2]) + 1}"

"""`meshctl denials`: who was denied, and by which rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshweb.cli import OK
from meshweb.cli.client import Client
from meshweb.cli.output import Format, ago, emit, table


def denials(client: Client, source: str | None, destination: str | None, window: str, form: Format) -> int:
    found = client.get("/denials", source=source, destination=destination, window=window)
    if form is not Format.TABLE:
        emit(found, form)
        return OK
    rows = [[d["source"], d["destination"], _by(d), d["requests"], ago(d["lastSeen"])] for d in found["items"]]
    table(["CALLER", "CALLED", "DENIED BY", "REQUESTS", "LAST"], rows, empty=f"nobody was denied in the last {window}")
    return OK


def _by(denied: Mapping[str, Any]) -> str:
    document, field = denied["document"], denied["field"]
    if denied["cause"] == "token":
        said = f"a token that cannot be verified ({denied['detail']})"
    elif denied["cause"] == "mtls":
        said = "a connection without certificate"
    elif document is None:
        said = "no ALLOW policy admits it"
    elif not field:
        said = f"{document}, which cannot be applied"
    else:
        said = f"{document.partition(' ')[2]} rule {int(field.rpartition('/')[2]) + 1}"
    return f"{said} (dry run, was let through)" if denied["dryRun"] else said

"""`meshctl denials`: who was denied, and by which rule."""

from __future__ import annotations

from meshweb.cli import OK
from meshweb.cli.client import Client
from meshweb.cli.output import Format, ago, emit, table


def denials(client: Client, source: str | None, destination: str | None, window: str, form: Format) -> int:
    found = client.get("/denials", source=source, destination=destination, window=window)
    if form is not Format.TABLE:
        emit(found, form)
        return OK
    rows = [
        [d["source"], d["destination"], _by(d["document"], d["field"], d["dryRun"]), d["requests"], ago(d["lastSeen"])]
        for d in found["items"]
    ]
    table(["CALLER", "CALLED", "DENIED BY", "REQUESTS", "LAST"], rows, empty=f"nobody was denied in the last {window}")
    return OK


def _by(document: str | None, field: str, dry_run: bool) -> str:
    if document is None:
        said = "no ALLOW policy admits it"
    else:
        said = f"{document.partition(' ')[2]} rule {int(field.rpartition('/')[2]) + 1}"
    return f"{said} (dry run, was let through)" if dry_run else said

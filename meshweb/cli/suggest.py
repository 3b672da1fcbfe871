"""`meshctl suggest`: policies from who was seen, with their evidence as comments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from meshweb.cli import OK
from meshweb.cli.client import Client
from meshweb.cli.output import Format, ago, emit, table

Json = dict[str, Any]


def suggest(client: Client, query: dict[str, str | None], form: Format) -> int:
    """YAML is for `meshctl apply -f -`: documents, and comments."""
    found = client.get("/access-suggestions", **query)
    if form is Format.JSON:
        emit(found, form)
    elif form is Format.TABLE:
        rows = [
            [item["service"], _fate(item), _names(item["admitted"]), len(item["unseen"]), item["why"]]
            for item in found["items"]
        ]
        table(["SERVICE", "POLICY", "ADMITS", "UNSEEN", "WHY NOT"], rows, empty=f"nobody called in the last {query['window']}")
    else:
        print("\n".join(_yaml(found, query["window"])))
    return OK


def _fate(item: Json) -> str | None:
    return item["policy"]["metadata"]["name"] if item["policy"] else None


def _names(callers: list[Json]) -> str:
    return ", ".join(caller["name"] for caller in callers)


def _yaml(found: Json, window: str | None) -> Iterator[str]:
    if not found["items"]:
        yield f"# nobody called in the last {window}"
    if found["since"]:
        yield f"# telemetry begins only {ago(found['since'])} ago"
    for item in found["items"]:
        yield "---"
        yield from (f"# {line}" for line in _told(item, found["from"], found["to"]))
        if item["policy"] is not None:
            yield yaml.safe_dump(item["policy"], sort_keys=False, allow_unicode=True).rstrip()


def _told(item: Json, start: str, end: str) -> Iterator[str]:
    yield f"{item['service']}, from {start} to {end}"
    if item["policy"] is None:
        yield f"no policy: {item['why']}"
    for caller in item["admitted"]:
        yield f"  admits {caller['name']}: {_seen(caller)}"
    for caller in item["nameless"]:
        yield f"  cannot name {caller['name']}, which calls without an identity: {_seen(caller)}; the policy denies it"
    for caller in item["refused"]:
        yield f"  does not admit {caller['name']}, which is denied today: {caller['denied']} requests"
    for unseen in item["unseen"]:
        yield f"  not seen, and let in today: {unseen['name']} ({unseen['reason']})"
    if item["unseenLeftOut"]:
        yield f"  and {item['unseenLeftOut']} more that were not seen"
    for document in item["standing"]:
        yield f"  narrows nothing as long as this stands: {document}"
    yield from (f"  cannot be known: {sentence}" for sentence in item["unknowable"])


def _seen(caller: Json) -> str:
    plain = f", {caller['plain']} without mTLS" if caller["plain"] else ""
    return f"{caller['requests']} requests{plain}, last {ago(caller['lastSeen'])} ago"

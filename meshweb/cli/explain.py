"""`meshctl explain`: would a call pass, and who says so?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from meshweb.cli import NO, OK, documents
from meshweb.cli.client import Client
from meshweb.cli.errors import UsageError
from meshweb.cli.output import Format, emit, fields, table

Json = dict[str, Any]
_NOTHING = [" ", " "]
"""Two cells that stay empty."""


def explain(
    client: Client, call: Json, headers: Sequence[str], claims: Sequence[str], draft: Sequence[str], form: Format
) -> int:
    """0: no workload behind the service would deny it, though an extension provider may; 3: one would. `headers`: `name: value`; `claims`:
    `name=value`; `draft`: files that are taken for applied."""
    written = documents.read(draft) if draft else []
    asked = {**call, "headers": _headers(headers), "claims": _claims(claims), "draft": documents.body(written)}
    found = client.call("POST", "/explain", json=asked, documents=written).json()
    code = OK if found["decision"] in {"allow", "ask"} else NO
    if form is not Format.TABLE:
        emit(found, form)
        return code
    told = _TOLD[found["decision"]]
    if found["decision"] == "ask":
        told += ", ".join(sorted({verdict["provider"] for verdict in found["verdicts"] if verdict["provider"]}))
    fields(
        [
            ("decision", told),
            ("why", found["reason"]),
            ("caller", found["identity"] or "without certificate"),
            ("service", f"{found['service']}:{found['port']}"),
            ("path", found["path"]),
            ("documents", f"{'a draft on ' if found['draft'] else ''}revision {found['revision']}"),
        ]
    )
    rows = [row for verdict in found["verdicts"] for row in _rows(verdict)]
    print()
    table(["WORKLOAD", "DECISION", "POLICY", "RULE", "WANTS", "GOT"], rows, empty="nobody stands behind the service")
    return code


_TOLD = {
    "allow": "allowed",
    "deny": "denied",
    "mixed": "allowed by some, denied by others",
    "ask": "depends on provider ",
}


def _headers(texts: Sequence[str]) -> dict[str, list[str]]:
    """Raises UsageError."""
    found: dict[str, list[str]] = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise UsageError(f"--header {text}: write it as 'name: value'")
        found.setdefault(name.strip(), []).append(value.strip())
    return found


def _claims(texts: Sequence[str]) -> Json:
    """A value is JSON where it is an object, a list, a number or a truth value, else text; a name that comes again is a list. Raises
    UsageError."""
    found: Json = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--claim {text}: write it as 'name=value'")
        read = _value(value)
        if name in found:
            before = found[name] if isinstance(found[name], list) else [found[name]]
            read = [*before, *(read if isinstance(read, list) else [read])]
        found[name] = read
    return found


def _value(text: str) -> Any:
    try:
        read = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(read, str) or read is None else read


def _rows(verdict: Json) -> Iterator[list[Any]]:
    first = [verdict["workload"], verdict["decision"]]
    if not verdict["policies"]:
        yield [*first, verdict["document"] or "none", verdict["field"], *_NOTHING]
    for policy in verdict["policies"]:
        name = f"{policy['action']} {policy['document'].partition(' ')[2]}{' (dry run)' if policy['dryRun'] else ''}"
        if not policy["rules"]:
            yield [*first, name, "no rules", *_NOTHING]
            first = _NOTHING
        for rule in policy["rules"]:
            for failed in rule["failed"] or [None]:
                place = f"{rule['rule']} matches" if failed is None else f"{rule['rule']} {_field(failed['field'])}"
                yield [*first, name, place, *(_NOTHING if failed is None else _wants(failed))]
                first, name = _NOTHING, " "
    if verdict["omitted"]:
        yield [*_NOTHING, f"and {verdict['omitted']} more", " ", *_NOTHING]


def _field(pointer: str) -> str:
    """What stands behind the rule: `to/0/operation/paths`."""
    return "/".join(pointer.split("/")[4:])


def _wants(failed: Json) -> tuple[str, str]:
    return ("none of " if failed["negated"] else "") + ", ".join(failed["wants"]), failed["got"] or "nothing"

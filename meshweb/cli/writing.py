"""Commands that change documents, or say what a change would do."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from meshweb.cli import NO, OK
from meshweb.cli.client import Client
from meshweb.cli.documents import Document, body, read
from meshweb.cli.errors import UsageError
from meshweb.cli.kinds import Kind, find_kind, path_of
from meshweb.cli.output import ago, show_diff
from meshweb.cli.waiting import until_live


def apply(client: Client, paths: Sequence[str], *, dry_run: bool, reason: str | None, wait: float | None) -> int:
    """`wait`: seconds, None: do not wait."""
    result = _apply(client, read(paths), dry_run=dry_run, reason=reason)
    for one in result["results"]:
        print(f"{one['kind']} {_name(one)} {one['action']}{' (dry run)' if dry_run else ''}")
        if dry_run and one["action"] != "unchanged":
            show_diff(f"{one['kind']} {_name(one)}", one["before"], one["after"])
    if dry_run:
        print(_impact(result["impact"]))
        return OK
    if result["revision"] is None:
        print("nothing changed")
        return OK
    print(f"revision {result['revision']}")
    return until_live(client, result["revision"], wait) if wait is not None else OK


def diff(client: Client, paths: Sequence[str]) -> int:
    """0: no difference, 3: there are some."""
    result = _apply(client, read(paths), dry_run=True, reason=None)
    changed = [one for one in result["results"] if one["action"] != "unchanged"]
    for one in changed:
        show_diff(f"{one['kind']} {_name(one)}", one["before"], one["after"])
    if changed:
        print(_impact(result["impact"]), file=sys.stderr)
    return NO if changed else OK


def delete(client: Client, target: Sequence[str], namespace: str | None, paths: Sequence[str], wait: float | None) -> int:
    """By kind and names, or everything that files name (last first, so that nothing refers to what is gone)."""
    if bool(target) == bool(paths):
        raise UsageError("give a kind and names, or -f FILE")
    if paths:
        wanted = [(find_kind(one.kind), _full_name(one)) for one in reversed(read(paths))]
    else:
        if len(target) < 2:
            raise UsageError("give the name too: meshctl delete KIND NAME")
        wanted = [(find_kind(target[0]), name) for name in target[1:]]
    revision = None
    for kind, name in wanted:
        revision = _delete(client, kind, name, namespace if not paths else None)
    if wait is not None and revision is not None:
        return until_live(client, revision, wait)
    return OK


def _delete(client: Client, kind: Kind, name: str, namespace: str | None) -> int | None:
    path = path_of(kind, name, namespace)
    answer = client.call("DELETE", path, headers={"If-Match": "*"})
    revision = answer.headers.get("Meshweb-Revision")
    print(f"{kind.kind} {path.partition(f'/{kind.plural}/')[2]} deleted{f', revision {revision}' if revision else ''}")
    return int(revision) if revision else None


def _apply(client: Client, documents: Sequence[Document], *, dry_run: bool, reason: str | None) -> dict[str, Any]:
    query = {"dryRun": "true" if dry_run else None, "reason": reason}
    answer = client.call("POST", "/apply", query=query, yaml=body(documents), documents=documents)
    result: dict[str, Any] = answer.json()
    return result


def _full_name(document: Document) -> str:
    return f"{document.namespace}/{document.name}" if document.namespace else document.name


def _name(result: dict[str, Any]) -> str:
    return f"{result['namespace']}/{result['name']}" if result.get("namespace") else str(result["name"])


def _impact(impact: dict[str, Any]) -> str:
    lines = [_proxies(impact)]
    if impact.get("access") is not None:
        lines += _access(impact["access"])
    return "\n".join(lines)


def _proxies(impact: dict[str, Any]) -> str:
    proxies, services = impact["proxies"], impact["services"]
    if not proxies:
        return "no proxy would change"
    names = ", ".join(proxy["id"] for proxy in proxies[:5]) + (", …" if len(proxies) > 5 else "")
    about = f", services: {', '.join(services)}" if services else ""
    return f"{len(proxies)} {'proxy' if len(proxies) == 1 else 'proxies'} would change: {names}{about}"


_FATES = {"newlyDenied": "newly denied", "newlyAllowed": "newly allowed", "mayChange": "may change"}


def _access(access: dict[str, Any]) -> Iterator[str]:
    """What becomes of calls that were seen."""
    if not access["callers"]:
        yield "nobody called in the last hour: there are no callers to check against"
        return
    checked = f"checked against {access['callers']} callers seen in the last hour"
    denied = access["newlyDenied"]
    said = "no caller is newly denied" if not denied else f"{denied} {'edge is' if denied == 1 else 'edges are'} newly denied"
    yield f"{said}, {checked}"
    for change in access["changes"]:
        seen = f"{change['requests']} requests, last {ago(change['lastSeen'])} ago"
        yield f"  {_FATES[change['fate']]}: {change['source']} -> {change['destination']} ({seen}): {change['reason']}"
    if access["leftOut"]:
        yield f"  and {access['leftOut']} more edges"

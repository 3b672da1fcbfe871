"""Waits until a revision is live, with a bar, and says who refused it and why."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from meshweb.cli import FAILED, OK, TIMED_OUT
from meshweb.cli.client import Client
from meshweb.cli.errors import UsageError

_ONE_POLL = "1s"


def latest(client: Client) -> int:
    """The number of the newest revision. Raises UsageError when there is none."""
    items = client.get("/revisions", limit="1")["items"]
    if not items:
        raise UsageError("there is no revision yet")
    return int(items[0]["number"])


def until_live(client: Client, number: int, timeout: float) -> int:
    """The exit code: live, refused, or out of time (seconds). A revision overtaken by a newer one is waited for in that one."""
    deadline = time.monotonic() + timeout
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(30),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
    )
    screen = Console(stderr=True, highlight=False)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        bar = progress.add_task(f"revision {number}", total=None, words="")
        while True:
            left = deadline - time.monotonic()
            revision = client.get(f"/revisions/{number}", wait=_ONE_POLL)
            total, words = _count(revision)
            progress.update(bar, total=total, completed=revision["counts"]["live"], words=words)
            if revision["state"] == "superseded":
                newer = latest(client)
                if newer != number:
                    screen.print(f"revision {number} was overtaken: waiting for revision {newer}, which contains it")
                    number = newer
                    progress.update(bar, description=f"revision {number}")
                    continue
            elif revision["state"] != "pending" or left <= 0:
                break
    return _verdict(revision)


def _count(revision: dict[str, Any]) -> tuple[int, str]:
    """Proxies that can answer now, and `9/12 proxies live`."""
    counts = revision["counts"]
    total = counts["affected"] - counts["disconnected"]
    words = f"{counts['live']}/{total} proxies live"
    if counts["disconnected"]:
        words += f", {counts['disconnected']} disconnected"
    return total, words


def _verdict(revision: dict[str, Any]) -> int:
    number, (_, words) = revision["number"], _count(revision)
    if revision["state"] == "live":
        print(f"revision {number} is live: {words}")
        return OK
    if revision["state"] == "rejected":
        print(f"revision {number} is rejected: {words}, {revision['counts']['rejected']} refused it")
        _name(revision, "rejected")
        return FAILED
    print(f"revision {number} is not live in time: {words}")
    _name(revision, "pending")
    return TIMED_OUT


def _name(revision: dict[str, Any], state: str) -> None:
    for proxy in revision["proxies"]:
        if proxy["state"] == state:
            print(f"  {proxy['id']}: {proxy['detail'] or state}")

"""Tables for people, JSON and YAML for programs."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import yaml
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


class Format(StrEnum):
    """What `-o` takes."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


_COLOURS = {"ok": "green", "synced": "green", "live": "green", "healthy": "green", "active": "green", "Programmed": "green"}
_COLOURS |= {"warn": "yellow", "pending": "yellow", "joining": "yellow", "unsent": "yellow", "unknown": "dim", "idle": "dim"}
_COLOURS |= {"bad": "red", "rejected": "red", "unhealthy": "red", "deny": "magenta", "disconnected": "red"}


def console() -> Console:
    """A pipe gets whole lines: nothing is cut to the width of a terminal that is not there."""
    return Console(highlight=False, soft_wrap=True) if sys.stdout.isatty() else Console(highlight=False, width=10_000)


def emit(value: Any, form: Format) -> None:
    """JSON or YAML; a list becomes several YAML documents."""
    if form is Format.JSON:
        print(json.dumps(value, indent=2, ensure_ascii=False))
    elif isinstance(value, list):
        print("---\n".join(yaml.safe_dump(item, sort_keys=False, allow_unicode=True) for item in value), end="")
    else:
        print(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), end="")


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """`empty`: said instead of a table without rows."""
    rows = list(rows)
    if not rows:
        console().print(empty)
        return
    made = Table(box=box.SIMPLE_HEAD if sys.stdout.isatty() else None, pad_edge=False, header_style="bold")
    for column, title in enumerate(head):
        numeric = all(isinstance(row[column], int | float) for row in rows)
        made.add_column(title, justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        made.add_row(*(cell(value) for value in row))
    console().print(made)


def fields(pairs: Iterable[tuple[str, Any]]) -> None:
    """`name  value` lines."""
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(name, cell(value))
    console().print(made)


def cell(value: Any) -> Text:
    """Text as it is: what comes from the server is never read as markup."""
    if value is None or value == "":
        return Text("-", style="dim")
    if isinstance(value, float):
        return Text(f"{value:.1f}")
    text = str(value)
    return Text(text, style=_COLOURS.get(text, ""))


def ago(moment: str | None, now: datetime | None = None) -> str:
    """`5s`, `3m`, `2h`, `4d` since an RFC 3339 time; with `in ` before when it lies ahead."""
    if not moment:
        return "-"
    seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(moment)).total_seconds()
    size = abs(seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if size >= length or unit == "s":
            text = f"{int(size // length)}{unit}"
            return f"in {text}" if seconds < 0 else text
    raise AssertionError(size)


def state_of(document: dict[str, Any]) -> str:
    """The reason of the first condition that is not met, else `Programmed`."""
    conditions = document.get("status", {}).get("conditions", [])
    for wanted in ("False", "Unknown"):
        for condition in conditions:
            if condition["status"] == wanted:
                return f"{condition['type']}={wanted}: {condition['reason']}"
    return conditions[-1]["type"] if conditions else "-"


def show_diff(title: str, before: str | None, after: str | None) -> None:
    """A unified diff of two YAML texts, coloured on a terminal."""
    old, new = (text.splitlines() if text else [] for text in (before, after))
    out = console()
    for line in difflib.unified_diff(old, new, f"{title} (now)", f"{title} (then)", lineterm=""):
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[0], "")
        out.print(Text(line, style="bold" if line[:3] in {"+++", "---"} else style))

"""What differs between two JSON values, as a list of operations with JSON pointers (the words of RFC 6902)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from meshweb.core.errors import pointer


def differences(before: object, after: object) -> list[dict[str, Any]]:
    """Lists are compared index by index; a list that became longer or shorter adds or removes at its end."""
    return list(_walk(before, after, ()))


def _walk(before: object, after: object, at: tuple[str | int, ...]) -> Iterator[dict[str, Any]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted(before.keys() | after.keys(), key=str):
            if name not in after:
                yield {"op": "remove", "path": pointer(*at, name), "before": before[name]}
            elif name not in before:
                yield {"op": "add", "path": pointer(*at, name), "after": after[name]}
            else:
                yield from _walk(before[name], after[name], (*at, name))
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            if index >= len(after):
                yield {"op": "remove", "path": pointer(*at, index), "before": before[index]}
            elif index >= len(before):
                yield {"op": "add", "path": pointer(*at, index), "after": after[index]}
            else:
                yield from _walk(before[index], after[index], (*at, index))
    elif before != after or type(before) is not type(after):
        yield {"op": "replace", "path": pointer(*at), "before": before, "after": after}

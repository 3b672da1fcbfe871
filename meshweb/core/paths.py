"""A request's path as sidecars read it (house rule: one path for policy, route and application).

Envoy, in this order: parameters of dot segments are dropped (`..;x`), then `normalize_path` (RFC 3986: `\\` as `/`, escapes of unreserved
characters, dot segments), then `merge_slashes`. Escaped slashes are refused, and so is what applications would read in another way
(`core/envoy/ambiguous.py`).
"""

from __future__ import annotations

import re

_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
_DOTS_WITH_PARAMETERS = re.compile(r"/(\.{1,2});[^/]*")


class Unreadable(ValueError):
    """A sidecar answers such a path with 400."""


def normalized(path: str) -> str:
    """Without query. Raises Unreadable."""
    bare = path.partition("?")[0]
    if not bare.startswith("/"):
        raise Unreadable("a path begins with '/'")
    if "#" in bare:
        raise Unreadable("a path has no fragment")
    if re.search("%(2[fF]|5[cC])", bare):
        raise Unreadable("escaped slashes are refused")
    kept = _DOTS_WITH_PARAMETERS.sub(r"/\1", bare)
    if "%00" in kept:
        raise Unreadable("escaped NULs are refused")
    plain = _ESCAPE.sub(_unescaped, kept.replace("\\", "/"))
    found = _merged("/" + "/".join(_without_dots(plain.split("/")[1:])))
    if "/;" in found or "//" in found:
        raise Unreadable("empty segments, with or without parameters, are refused")
    return found


def _without_dots(parts: list[str]) -> list[str]:
    segments: list[str] = []
    for index, part in enumerate(parts):
        if part not in {".", ".."}:
            segments.append(part)
            continue
        if part == ".." and segments:
            segments.pop()
        if index == len(parts) - 1:
            segments.append("")
    return segments


def _merged(path: str) -> str:
    """Of nothing but slashes two are left."""
    if "//" not in path:
        return path
    return "/" + "/".join(part for part in path.split("/") if part) + ("/" if path.endswith("/") else "")


def _unescaped(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0]

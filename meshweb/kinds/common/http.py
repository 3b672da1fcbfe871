"""What every kind of HTTP route says about HTTP itself: names, values, paths, and the headers that belong to the proxy."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from meshweb.core.errors import Violation
from meshweb.kinds import regex

HeaderName = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
HeaderValue = Annotated[str, Field(max_length=4096, pattern=r"^[\t\x20-\x7e]*$")]
MatchValue = Annotated[str, Field(min_length=1, max_length=4096)]
Path = Annotated[str, Field(max_length=1024)]
Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]

_RESERVED_HEADERS = ("host", ":", "connection", "transfer-encoding", "content-length", "upgrade", "keep-alive")
_RESERVED_PREFIXES = (":", "x-envoy-", "x-forwarded-client-cert", "x-meshweb-")


def is_reserved_header(name: str) -> bool:
    """Headers that frame the message or carry an identity: a route that changes them breaks or forges what the proxy says."""
    lower = name.lower()
    return lower in _RESERVED_HEADERS or lower.startswith(_RESERVED_PREFIXES)


def _changeable(name: str) -> str:
    if is_reserved_header(name):
        raise PydanticCustomError("reserved", "belongs to the proxy and cannot be changed by a route")
    return name


ChangeableHeader = Annotated[HeaderName, AfterValidator(_changeable)]


def _regex(pattern: str) -> str:
    if problem := regex.problem(pattern):
        # The parser's words hold braces of the pattern, which a template would read as its own.
        raise PydanticCustomError("regex", "{problem}", {"problem": problem})
    return pattern


Regex = Annotated[str, Field(min_length=1, max_length=regex.MAX_LENGTH), AfterValidator(_regex)]


def regex_violations(pattern: str, at: str) -> Iterator[Violation]:
    if problem := regex.problem(pattern):
        yield Violation(at, "regex", problem)


def path_problem(path: str) -> str | None:
    """Gateway API's rules for Exact and PathPrefix values; such a path could never match a normalized one."""
    if not path.startswith("/"):
        return "must begin with '/'"
    if any(part in path for part in ("//", "/./", "/../", "%2f", "%2F", "#", "?")) or path.endswith(("/..", "/.")):
        return "must be normalized: no '//', '/./', '/../', '%2f', '#' or '?'"
    if not path.isascii() or any(ord(c) <= 0x20 or ord(c) == 0x7F for c in path):
        return "must hold printable ASCII only"
    return None


def is_ip_address(text: str) -> bool:
    """True for one IPv4 or IPv6 address without a zone."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text

"""Reading settings from the environment, with words an operator can use when one is wrong."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from django.core.exceptions import ImproperlyConfigured

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def text(name: str, default: str) -> str:
    return os.environ.get(name) or default


def written_environment(path: Path) -> dict[str, str]:
    """`KEY=value` lines of a file; nothing when there is none."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


def number(name: str, default: int) -> int:
    value = text(name, str(default))
    if not value.isdecimal():
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}")
    return int(value)


def flag(name: str, default: bool) -> bool:
    value = text(name, "true" if default else "false").lower()
    if value not in {"true", "false", "1", "0", "yes", "no"}:
        raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}")
    return value in {"true", "1", "yes"}


def duration(name: str, default: str) -> timedelta:
    value = text(name, default)
    match = re.fullmatch(r"([1-9][0-9]{0,6})([smhd])", value)
    if match is None:
        raise ImproperlyConfigured(f"{name} must be a duration such as 60s, 30m or 12h, not {value!r}")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


@dataclass(frozen=True, slots=True)
class RedisUrls:
    """One server in the spellings of its clients: `client` and `pubsub` for redis-py, `broker` for kombu, `counters` for limits."""

    client: str
    pubsub: str
    broker: str
    counters: str


def redis_urls(url: str) -> RedisUrls:
    """From `redis://…`, `rediss://…` or `unix:///path?db=0`."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return RedisUrls(url, url, url, f"async+{url}")
    db = parse_qs(parts.query).get("db", ["0"])[0]
    return RedisUrls(url, url, f"redis+socket://{parts.path}?virtual_host={db}", f"async+redis+{url}")

"""Small protobuf values that every translator needs."""

from __future__ import annotations

from typing import Any

from meshweb.protos import message, pack

Json = dict[str, Any]
"""Keyword values for a protobuf message; nested messages as nested mappings."""

ADS: Json = {"ads": {}, "resource_api_version": 2}
"""core.v3.ConfigSource: over the one aggregated stream, API version V3."""


def any_of(type_name: str, **fields: Any) -> Any:
    """google.protobuf.Any holding a message of `type_name`."""
    return pack(message(type_name)(**fields))


def duration(milliseconds: int) -> Json:
    return {"seconds": milliseconds // 1000, "nanos": milliseconds % 1000 * 1_000_000}


def address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def serialized(value: Any) -> bytes:
    """Deterministic bytes: map fields in key order (protobuf would otherwise be free to reorder them)."""
    result: bytes = value.SerializeToString(deterministic=True)
    return result

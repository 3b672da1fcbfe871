"""What AUDIT policies ask to be recorded, out of Envoy's access log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_RECORDS = 1_000
"""In one report: of more the number alone is told."""
_MAX_PATH, _MAX_METHOD = 512, 32
_RULE = "audit.shadow_effective_policy_id"
_MATCHED = "audit.shadow_engine_result"


def record_of(entry: Any, source: str, port: int, verdict: Any, *, allowed: bool) -> Mapping[str, object] | None:
    """As reports have it, of an HTTPAccessLogEntry or TCPAccessLogEntry. verdict: the metadata of RBAC. None: no AUDIT policy asks for
    it."""
    if verdict is None or verdict.fields[_MATCHED].string_value != "denied":
        return None
    common = entry.common_properties
    found: dict[str, object] = {
        "at": round(common.start_time.seconds + common.start_time.nanos / 1e9, 3),
        "source": source[:2048],
        "port": port,
        "policy": verdict.fields[_RULE].string_value,
        "allowed": allowed,
    }
    if entry.DESCRIPTOR.name == "HTTPAccessLogEntry":
        request = entry.request
        path = (request.original_path or request.path).partition("?")[0]
        method = request.DESCRIPTOR.fields_by_name["request_method"].enum_type.values_by_number[request.request_method].name
        found |= {
            "method": method[:_MAX_METHOD] if request.request_method else "",
            "path": path[:_MAX_PATH],
            "status": entry.response.response_code.value,
        }
    return found

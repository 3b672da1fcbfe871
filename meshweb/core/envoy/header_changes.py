"""Header changes of routes, weighted clusters and redirects."""

from __future__ import annotations

from meshweb.core.envoy.values import Json
from meshweb.core.ir.routing import HeaderChange

_APPEND, _OVERWRITE = 0, 2  # HeaderAppendAction


def header_changes(request: HeaderChange, response: HeaderChange) -> Json:
    """The fields that Route, WeightedCluster.ClusterWeight and VirtualHost share."""
    result: Json = {}
    for side, change in (("request", request), ("response", response)):
        changed = [_header(name, value, _OVERWRITE) for name, value in change.set]
        changed += [_header(name, value, _APPEND) for name, value in change.add]
        if changed:
            result[f"{side}_headers_to_add"] = changed
        if change.remove:
            result[f"{side}_headers_to_remove"] = list(change.remove)
    return result


def _header(name: str, value: str, action: int) -> Json:
    # `%` begins a command for Envoy's formatter; a user's value is text.
    return {"header": {"key": name, "value": value.replace("%", "%%")}, "append_action": action, "keep_empty_value": True}

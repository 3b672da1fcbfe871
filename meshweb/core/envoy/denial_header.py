"""A response header that tells a denied caller by what, if it is of the same namespace: others learn nothing about policies.

Which namespace a caller is of says an RBAC filter with shadow rules alone: they decide nothing, and leave their verdict in metadata.
"""

from __future__ import annotations

from meshweb.core.envoy import rbac_values
from meshweb.core.envoy.values import Json, any_of

HEADER = "x-meshweb-denied-by"
_FILTER, _METADATA = "envoy.filters.http.rbac.peer", "envoy.filters.http.rbac"
_UNAUTHORIZED, _FORBIDDEN = 401, 403


def peer_filter(namespace: str, trust_domain: str) -> Json:
    own = rbac_values.caller(rbac_values.namespace(namespace, trust_domain))
    rules = {"action": 0, "policies": {"same-namespace": {"permissions": [{"any": True}], "principals": [own]}}}
    config = any_of("envoy.extensions.filters.http.rbac.v3.RBAC", shadow_rules=rules, shadow_rules_stat_prefix="peer.")
    return {"name": _FILTER, "typed_config": config}


def local_replies() -> Json:
    """HttpConnectionManager.local_reply_config. Envoy's words for the refusal hold the rule as `rbac.policy_id` names it; what RBAC leaves
    in metadata comes too late for them."""
    matcher = {
        "filter": _METADATA,
        "path": [{"key": "peer.shadow_engine_result"}],
        "value": {"string_match": {"exact": "allowed"}},
    }
    peer = {"metadata_filter": {"matcher": matcher, "match_if_key_not_found": {"value": False}}}
    refused = {"or_filter": {"filters": [_status(_UNAUTHORIZED), _status(_FORBIDDEN)]}}
    header = {"header": {"key": HEADER, "value": "%RESPONSE_CODE_DETAILS%"}, "append_action": 2}  # OVERWRITE_IF_EXISTS_OR_ADD
    return {"mappers": [{"filter": {"and_filter": {"filters": [peer, refused]}}, "headers_to_add": [header]}]}


def _status(code: int) -> Json:
    return {"status_code_filter": {"comparison": {"op": 0, "value": {"default_value": code, "runtime_key": "meshweb.status"}}}}

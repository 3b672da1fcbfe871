"""Access records, to the agent: of what was denied, by which rule; of what a dry run would have denied; of what AUDIT policies ask for.

Envoy sets no response flag for it, but where an extension provider denied or did not answer. RBAC leaves its verdict in dynamic metadata,
under the prefix of its statistics, jwt_authn why it refused a token.
"""

from __future__ import annotations

from typing import Any

from meshweb.core.envoy import rbac_tokens
from meshweb.core.envoy.values import Json, any_of, duration

_LOG = "denials"
_LOGGERS = "envoy.extensions.access_loggers.grpc.v3"
_RBAC, _NETWORK_RBAC = "envoy.filters.http.rbac", "envoy.filters.network.rbac"
_STATS = ("deny", "allow")
"""Prefixes of the two RBAC filters."""
_DENIED_BY_PROVIDER: Json = {"response_flag_filter": {"flags": ["UAEX"]}}
AUDITED = "audit."
"""Prefix of the filters that mark what AUDIT policies match. They stand there as what would be denied, and are none."""
ENFORCED = "enforced."
"""Prefix of the network filters' own verdict: they leave only that of shadow rules, so theirs stand there a second time."""


def http_access_log() -> Json:
    verdicts = [_denied(_RBAC, f"{stat}.{mode}") for mode in ("enforced", "shadow") for stat in _STATS]
    refused = {
        "matcher": {
            "filter": rbac_tokens.FILTER,
            "path": [{"key": rbac_tokens.FAILED}],
            "value": {"present_match": True},
        },
        "match_if_key_not_found": {"value": False},
    }
    config = any_of(f"{_LOGGERS}.HttpGrpcAccessLogConfig", common_config=_to_agent())
    return _log("http_grpc", [*verdicts, refused, _denied(_RBAC, f"{AUDITED}shadow")], config)


def tcp_access_log() -> Json:
    verdicts = [_denied(_NETWORK_RBAC, f"{mode}{stat}.shadow") for mode in (ENFORCED, "") for stat in _STATS]
    recorded = _denied(_NETWORK_RBAC, f"{AUDITED}shadow")
    return _log("tcp_grpc", [*verdicts, recorded], any_of(f"{_LOGGERS}.TcpGrpcAccessLogConfig", common_config=_to_agent()))


def _log(logger: str, filters: list[Json], config: Any) -> Json:
    return {
        "name": f"envoy.access_loggers.{logger}",
        "filter": {"or_filter": {"filters": [*({"metadata_filter": one} for one in filters), _DENIED_BY_PROVIDER]}},
        "typed_config": config,
    }


def _to_agent() -> Json:
    return {
        "log_name": _LOG,
        "grpc_service": {"envoy_grpc": {"cluster_name": "agent"}},
        "transport_api_version": 2,
        "buffer_flush_interval": duration(1000),
    }


def _denied(namespace: str, stat: str) -> Json:
    return {
        "matcher": {
            "filter": namespace,
            "path": [{"key": f"{stat}_engine_result"}],
            "value": {"string_match": {"exact": "denied"}},
        },
        "match_if_key_not_found": {"value": False},
    }

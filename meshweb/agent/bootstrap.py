"""Envoy's bootstrap: everything else comes by ADS from the agent's Unix socket."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from meshweb.agent import VERSION
from meshweb.agent.layout import Layout
from meshweb.agent.state import Flags, State
from meshweb.agent.telemetry import BUCKETS_MS, STATS_PATTERNS

AGENT_CLUSTER = "agent"
_TYPE = "type.googleapis.com/envoy"
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_GRPC = {"envoy_grpc": {"cluster_name": AGENT_CLUSTER}}


def bootstrap(layout: Layout, state: State, *, flush_seconds: float) -> bytes:
    """The file, as deterministic JSON."""
    made: dict[str, Any] = {
        "node": {
            "id": state.proxy,
            "cluster": state.proxy.partition("/")[0],
            "metadata": {"agentVersion": VERSION, **_role(state.flags)},
        },
        "admin": {"address": {"pipe": {"path": str(layout.admin_socket), "mode": 0o600}}},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [_GRPC],
            },
            "cds_config": {"ads": {}, "resource_api_version": "V3"},
            "lds_config": {"ads": {}, "resource_api_version": "V3"},
        },
        "static_resources": {"clusters": [_agent_cluster(layout)]},
        "stats_config": _stats_config(),
        "stats_flush_interval": f"{flush_seconds:g}s",
        "stats_sinks": [_sink()],
        "overload_manager": _overload(),
        "layered_runtime": {"layers": [{"name": "admin", "admin_layer": {}}]},
    }
    bind = _source_address(state.flags.bind)
    if bind is not None:
        made["cluster_manager"] = {"upstream_bind_config": {"source_address": {"address": bind, "port_value": 0}}}
    return json.dumps(made, indent=1, sort_keys=True).encode()


def _role(flags: Flags) -> dict[str, str]:
    return {"gateway": flags.gateway} if flags.gateway else {"mode": flags.mode}


def _source_address(bind: str) -> str | None:
    """What leaves for other sidecars leaves from this address; None when any will do."""
    return None if ipaddress.ip_address(bind).is_unspecified else bind


def _agent_cluster(layout: Layout) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": {"pipe": {"path": str(layout.xds_socket)}}}}
    return {
        "name": AGENT_CLUSTER,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": AGENT_CLUSTER, "endpoints": [{"lb_endpoints": [endpoint]}]},
        "typed_extension_protocol_options": {
            _HTTP_OPTIONS: {
                "@type": f"type.googleapis.com/{_HTTP_OPTIONS}",
                "explicit_http_config": {
                    "http2_protocol_options": {"connection_keepalive": {"interval": "30s", "timeout": "5s"}}
                },
            }
        },
    }


def _stats_config() -> dict[str, Any]:
    return {
        "stats_matcher": {"inclusion_list": {"patterns": [{"safe_regex": {"regex": pattern}} for pattern in STATS_PATTERNS]}},
        "histogram_bucket_settings": [{"match": {"suffix": "upstream_rq_time"}, "buckets": list(BUCKETS_MS)}],
    }


def _sink() -> dict[str, Any]:
    return {
        "name": "envoy.stat_sinks.open_telemetry",
        "typed_config": {
            "@type": f"{_TYPE}.extensions.stat_sinks.open_telemetry.v3.SinkConfig",
            "grpc_service": _GRPC,
            "report_counters_as_deltas": True,
            "report_histograms_as_deltas": True,
            # Whole names: the default tag extraction would take our names apart.
            "emit_tags_as_attributes": False,
            "use_tag_extracted_name": False,
        },
    }


def _overload() -> dict[str, Any]:
    # Without a limit of connections Envoy warns at each start; with one, a flood does not end in an OOM kill.
    name = "envoy.resource_monitors.global_downstream_max_connections"
    config = f"{_TYPE}.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
    return {
        "resource_monitors": [{"name": name, "typed_config": {"@type": config, "max_active_downstream_connections": 50_000}}]
    }

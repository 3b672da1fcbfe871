"""Build-time dump of the descriptors that meshweb needs: `python -m meshweb.protos.dump [--check]`.

The only place that touches xds-protos (a development dependency). It imports the generated modules of `ROOTS`, follows their
imports, and writes every file with its transitive closure, dependencies first and without source information.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2

from meshweb.protos import DESCRIPTORS, otlp, read_descriptor_set

_EXTENSIONS = "envoy/extensions"
_HTTP = f"{_EXTENSIONS}/filters/http"
_NETWORK = f"{_EXTENSIONS}/filters/network"
_LISTENER = f"{_EXTENSIONS}/filters/listener"
_POLICIES = f"{_EXTENSIONS}/load_balancing_policies"

ROOTS: tuple[str, ...] = (
    "google/protobuf/any",
    "google/protobuf/duration",
    "google/protobuf/struct",
    "google/protobuf/timestamp",
    "google/protobuf/wrappers",
    "google/protobuf/empty",
    "google/rpc/status",
    "envoy/admin/v3/certs",
    "envoy/admin/v3/clusters",
    "envoy/admin/v3/config_dump",
    "envoy/admin/v3/listeners",
    "envoy/config/accesslog/v3/accesslog",
    "envoy/config/bootstrap/v3/bootstrap",
    "envoy/config/cluster/v3/cluster",
    "envoy/config/core/v3/base",
    "envoy/config/endpoint/v3/endpoint",
    "envoy/config/listener/v3/listener",
    "envoy/config/metrics/v3/stats",
    "envoy/config/overload/v3/overload",
    "envoy/config/rbac/v3/rbac",
    "envoy/config/route/v3/route",
    "envoy/config/trace/v3/opentelemetry",
    "envoy/config/trace/v3/zipkin",
    "envoy/config/common/mutation_rules/v3/mutation_rules",
    "envoy/config/common/matcher/v3/matcher",
    "envoy/data/accesslog/v3/accesslog",
    "envoy/data/dns/v3/dns_table",
    "envoy/service/accesslog/v3/als",
    "envoy/service/auth/v3/external_auth",
    "envoy/service/discovery/v3/ads",
    "envoy/service/discovery/v3/discovery",
    "envoy/service/ext_proc/v3/external_processor",
    "envoy/service/ratelimit/v3/rls",
    "envoy/service/secret/v3/sds",
    f"{_EXTENSIONS}/access_loggers/file/v3/file",
    f"{_EXTENSIONS}/access_loggers/filters/cel/v3/cel",
    f"{_EXTENSIONS}/access_loggers/grpc/v3/als",
    f"{_EXTENSIONS}/access_loggers/stream/v3/stream",
    f"{_EXTENSIONS}/clusters/aggregate/v3/cluster",
    f"{_EXTENSIONS}/clusters/common/dns/v3/dns",
    f"{_EXTENSIONS}/clusters/dns/v3/dns_cluster",
    f"{_EXTENSIONS}/clusters/dynamic_forward_proxy/v3/cluster",
    f"{_EXTENSIONS}/common/dynamic_forward_proxy/v3/dns_cache",
    f"{_EXTENSIONS}/compression/brotli/compressor/v3/brotli",
    f"{_EXTENSIONS}/compression/gzip/compressor/v3/gzip",
    f"{_EXTENSIONS}/filters/common/fault/v3/fault",
    f"{_EXTENSIONS}/filters/common/set_filter_state/v3/value",
    f"{_HTTP}/adaptive_concurrency/v3/adaptive_concurrency",
    f"{_HTTP}/admission_control/v3/admission_control",
    f"{_HTTP}/buffer/v3/buffer",
    f"{_HTTP}/compressor/v3/compressor",
    f"{_HTTP}/cors/v3/cors",
    f"{_HTTP}/credential_injector/v3/credential_injector",
    f"{_HTTP}/custom_response/v3/custom_response",
    f"{_HTTP}/dynamic_forward_proxy/v3/dynamic_forward_proxy",
    f"{_HTTP}/ext_authz/v3/ext_authz",
    f"{_HTTP}/ext_proc/v3/ext_proc",
    f"{_HTTP}/fault/v3/fault",
    f"{_HTTP}/grpc_stats/v3/config",
    f"{_HTTP}/grpc_web/v3/grpc_web",
    f"{_HTTP}/header_mutation/v3/header_mutation",
    f"{_HTTP}/header_to_metadata/v3/header_to_metadata",
    f"{_HTTP}/health_check/v3/health_check",
    f"{_HTTP}/jwt_authn/v3/config",
    f"{_HTTP}/local_ratelimit/v3/local_rate_limit",
    f"{_HTTP}/on_demand/v3/on_demand",
    f"{_HTTP}/ratelimit/v3/rate_limit",
    f"{_HTTP}/rbac/v3/rbac",
    f"{_HTTP}/router/v3/router",
    f"{_HTTP}/set_filter_state/v3/set_filter_state",
    f"{_HTTP}/set_metadata/v3/set_metadata",
    f"{_HTTP}/stateful_session/v3/stateful_session",
    f"{_HTTP}/upstream_codec/v3/upstream_codec",
    f"{_LISTENER}/http_inspector/v3/http_inspector",
    f"{_LISTENER}/local_ratelimit/v3/local_ratelimit",
    f"{_LISTENER}/original_dst/v3/original_dst",
    f"{_LISTENER}/original_src/v3/original_src",
    f"{_LISTENER}/proxy_protocol/v3/proxy_protocol",
    f"{_LISTENER}/tls_inspector/v3/tls_inspector",
    f"{_NETWORK}/connection_limit/v3/connection_limit",
    f"{_NETWORK}/direct_response/v3/config",
    f"{_NETWORK}/ext_authz/v3/ext_authz",
    f"{_NETWORK}/http_connection_manager/v3/http_connection_manager",
    f"{_NETWORK}/local_ratelimit/v3/local_rate_limit",
    f"{_NETWORK}/rbac/v3/rbac",
    f"{_NETWORK}/redis_proxy/v3/redis_proxy",
    f"{_NETWORK}/set_filter_state/v3/set_filter_state",
    f"{_NETWORK}/sni_cluster/v3/sni_cluster",
    f"{_NETWORK}/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy",
    f"{_NETWORK}/tcp_proxy/v3/tcp_proxy",
    f"{_EXTENSIONS}/filters/udp/dns_filter/v3/dns_filter",
    f"{_EXTENSIONS}/filters/udp/udp_proxy/v3/udp_proxy",
    f"{_EXTENSIONS}/formatter/cel/v3/cel",
    f"{_EXTENSIONS}/formatter/metadata/v3/metadata",
    f"{_EXTENSIONS}/formatter/req_without_query/v3/req_without_query",
    f"{_EXTENSIONS}/health_check/event_sinks/file/v3/file",
    f"{_EXTENSIONS}/http/custom_response/local_response_policy/v3/local_response_policy",
    f"{_EXTENSIONS}/http/early_header_mutation/header_mutation/v3/header_mutation",
    f"{_EXTENSIONS}/http/header_formatters/preserve_case/v3/preserve_case",
    f"{_EXTENSIONS}/http/injected_credentials/generic/v3/generic",
    f"{_EXTENSIONS}/http/original_ip_detection/custom_header/v3/custom_header",
    f"{_EXTENSIONS}/http/original_ip_detection/xff/v3/xff",
    f"{_EXTENSIONS}/http/stateful_session/cookie/v3/cookie",
    f"{_EXTENSIONS}/http/stateful_session/header/v3/header",
    f"{_EXTENSIONS}/internal_redirect/previous_routes/v3/previous_routes_config",
    f"{_EXTENSIONS}/internal_redirect/safe_cross_scheme/v3/safe_cross_scheme_config",
    f"{_POLICIES}/client_side_weighted_round_robin/v3/client_side_weighted_round_robin",
    f"{_POLICIES}/cluster_provided/v3/cluster_provided",
    f"{_POLICIES}/common/v3/common",
    f"{_POLICIES}/least_request/v3/least_request",
    f"{_POLICIES}/maglev/v3/maglev",
    f"{_POLICIES}/override_host/v3/override_host",
    f"{_POLICIES}/random/v3/random",
    f"{_POLICIES}/ring_hash/v3/ring_hash",
    f"{_POLICIES}/round_robin/v3/round_robin",
    f"{_POLICIES}/subset/v3/subset",
    f"{_POLICIES}/wrr_locality/v3/wrr_locality",
    f"{_EXTENSIONS}/matching/common_inputs/network/v3/network_inputs",
    f"{_EXTENSIONS}/matching/common_inputs/ssl/v3/ssl_inputs",
    f"{_EXTENSIONS}/matching/input_matchers/ip/v3/ip",
    f"{_EXTENSIONS}/network/dns_resolver/cares/v3/cares_dns_resolver",
    f"{_EXTENSIONS}/network/dns_resolver/getaddrinfo/v3/getaddrinfo_dns_resolver",
    f"{_EXTENSIONS}/path/match/uri_template/v3/uri_template_match",
    f"{_EXTENSIONS}/path/rewrite/uri_template/v3/uri_template_rewrite",
    f"{_EXTENSIONS}/rbac/audit_loggers/stream/v3/stream",
    f"{_EXTENSIONS}/rbac/principals/mtls_authenticated/v3/mtls_authenticated",
    f"{_EXTENSIONS}/request_id/uuid/v3/uuid",
    f"{_EXTENSIONS}/resource_monitors/downstream_connections/v3/downstream_connections",
    f"{_EXTENSIONS}/resource_monitors/fixed_heap/v3/fixed_heap",
    f"{_EXTENSIONS}/rate_limit_descriptors/expr/v3/expr",
    f"{_EXTENSIONS}/retry/host/previous_hosts/v3/previous_hosts",
    f"{_EXTENSIONS}/retry/priority/previous_priorities/v3/previous_priorities_config",
    f"{_EXTENSIONS}/stat_sinks/open_telemetry/v3/open_telemetry",
    f"{_EXTENSIONS}/tracers/opentelemetry/resource_detectors/v3/static_config_resource_detector",
    f"{_EXTENSIONS}/transport_sockets/internal_upstream/v3/internal_upstream",
    f"{_EXTENSIONS}/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol",
    f"{_EXTENSIONS}/transport_sockets/raw_buffer/v3/raw_buffer",
    f"{_EXTENSIONS}/transport_sockets/starttls/v3/starttls",
    f"{_EXTENSIONS}/transport_sockets/tls/v3/secret",
    f"{_EXTENSIONS}/transport_sockets/tls/v3/tls",
    f"{_EXTENSIONS}/transport_sockets/tls/v3/tls_spiffe_validator_config",
    f"{_EXTENSIONS}/upstreams/http/tcp/v3/tcp_connection_pool",
    f"{_EXTENSIONS}/upstreams/http/v3/http_protocol_options",
    f"{_EXTENSIONS}/upstreams/tcp/v3/tcp_protocol_options",
    "envoy/type/matcher/v3/http_inputs",
    "envoy/type/matcher/v3/metadata",
    "envoy/type/matcher/v3/string",
    "envoy/type/metadata/v3/metadata",
    "envoy/type/tracing/v3/custom_tag",
    "envoy/type/v3/percent",
    "xds/core/v3/resource_locator",
    "xds/service/orca/v3/orca",
    "xds/type/matcher/v3/matcher",
    "xds/type/v3/typed_struct",
)
"""Proto files without their suffix; what they import comes along."""


def build(roots: Iterable[str] = ROOTS) -> descriptor_pb2.FileDescriptorSet:
    """A fresh dump. Needs xds-protos; raises ImportError for a root that it does not ship."""
    # Ours first: envoy's OpenTelemetry sink imports "common", and two versions of it cannot live in one pool.
    collected = {file.name: file for file in otlp.files()}

    def collect(file: Any) -> None:
        if file.name in collected:
            return
        for dependency in file.dependencies:
            collect(dependency)
        collected[file.name] = descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb)

    for root in roots:
        collect(importlib.import_module(root.replace("/", ".") + "_pb2").DESCRIPTOR)
    return descriptor_pb2.FileDescriptorSet(file=collected.values())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed dump, write nothing")
    options = parser.parse_args(arguments)
    dump = build()
    if options.check:
        same = dump == read_descriptor_set()
        print("descriptors are up to date" if same else "descriptors differ: run python -m meshweb.protos.dump")
        return 0 if same else 1
    target = Path(__file__).with_name(DESCRIPTORS)
    target.write_bytes(zlib.compress(dump.SerializeToString(deterministic=True), 9))
    print(f"{target}: {len(dump.file)} files, {target.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Mesh mTLS: certificates come from the agent by SDS; identities are pinned on the calling side."""

from __future__ import annotations

from typing import Any

from meshweb.core.envoy.values import ADS, Json, any_of
from meshweb.core.ir import Protocol

CERTIFICATE_SECRET = "default"
BUNDLE_SECRET = "ROOTCA"
MESH_ALPN = "meshweb"
_TLS = "envoy.extensions.transport_sockets.tls.v3"
_TLS_V1_2, _TLS_V1_3 = 3, 4
_URI = 3  # SubjectAltNameMatcher.SanType.URI


def _common(validation: Json, alpn: tuple[str, ...]) -> Json:
    return {
        "tls_params": {"tls_minimum_protocol_version": _TLS_V1_2, "tls_maximum_protocol_version": _TLS_V1_3},
        "tls_certificate_sds_secret_configs": [{"name": CERTIFICATE_SECRET, "sds_config": ADS}],
        "alpn_protocols": list(alpn),
        **validation,
    }


def upstream(identities: tuple[str, ...], protocol: Protocol, server_name: str) -> Any:
    """Transport socket of a caller: presents its certificate and takes only a server that has one of `identities`.

    Without any identity (a service without workloads) nobody is trusted: the list holds a name that no certificate carries.
    """
    alpn = (MESH_ALPN, "h2", "http/1.1") if protocol.is_http else (MESH_ALPN,)
    names = [{"san_type": _URI, "matcher": {"exact": identity}} for identity in identities or ("spiffe://nobody.invalid/",)]
    validation = {
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": names},
            "validation_context_sds_secret_config": {"name": BUNDLE_SECRET, "sds_config": ADS},
        }
    }
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": any_of(f"{_TLS}.UpstreamTlsContext", common_tls_context=_common(validation, alpn), sni=server_name),
    }


def downstream(protocol: Protocol) -> Any:
    """Transport socket of a server: asks for a certificate of the mesh. Who it belongs to is judged by RBAC."""
    alpn = ("h2", "http/1.1") if protocol.is_http else (MESH_ALPN,)
    validation = {"validation_context_sds_secret_config": {"name": BUNDLE_SECRET, "sds_config": ADS}}
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": any_of(
            f"{_TLS}.DownstreamTlsContext",
            common_tls_context=_common(validation, alpn),
            require_client_certificate={"value": True},
            disable_stateless_session_resumption=True,
        ),
    }

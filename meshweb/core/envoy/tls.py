"""TLS contexts. Inside the mesh certificates come from the agent by SDS and identities are pinned on the calling side; to servers
outside as DestinationRules say; from clients outside as Gateways say."""

from __future__ import annotations

from typing import Any

from meshweb.core import names
from meshweb.core.envoy.values import ADS, Json, any_of
from meshweb.core.ir.gateways import KeyPair, ServerTls, ServerTlsMode, TlsVersion
from meshweb.core.ir.services import Protocol
from meshweb.core.ir.traffic_policy import ClientTls, TlsMode

CERTIFICATE_SECRET = "default"
BUNDLE_SECRET = "ROOTCA"
MESH_ALPN = "meshweb"
MESH_HTTP_ALPN = "meshweb-http"
"""Offered first by callers that speak HTTP, so that a server that does not know can tell."""
_TLS = "envoy.extensions.transport_sockets.tls.v3"
_VERSIONS = {TlsVersion.V1_2: 3, TlsVersion.V1_3: 4}
_URI, _DNS = 3, 2  # SubjectAltNameMatcher.SanType
_NO_RESUMPTION = {"disable_stateless_session_resumption": True, "disable_stateful_session_resumption": True}
"""DownstreamTlsContext where certificates are asked for: a session that is resumed would not be looked at again."""
_SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"


def _socket(context: Any) -> Json:
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def _mesh_context(validation: Json, alpn: tuple[str, ...]) -> Json:
    return {
        "tls_params": _params(TlsVersion.AUTO, TlsVersion.AUTO, ()),
        "tls_certificate_sds_secret_configs": [{"name": CERTIFICATE_SECRET, "sds_config": ADS}],
        "alpn_protocols": list(alpn),
        **validation,
    }


def _params(lowest: TlsVersion, highest: TlsVersion, ciphers: tuple[str, ...]) -> Json:
    found: Json = {
        "tls_minimum_protocol_version": _VERSIONS.get(lowest, _VERSIONS[TlsVersion.V1_2]),
        "tls_maximum_protocol_version": _VERSIONS.get(highest, _VERSIONS[TlsVersion.V1_3]),
    }
    return {**found, "cipher_suites": list(ciphers)} if ciphers else found


def mesh_alpn(*, http: bool, versions: tuple[str, ...]) -> tuple[str, ...]:
    """What a caller offers to a sidecar. versions: of HTTP, from which the server chooses."""
    return (MESH_HTTP_ALPN, MESH_ALPN, *versions) if http else (MESH_ALPN,)


def upstream(identities: tuple[str, ...], server_name: str, *, http: bool, versions: bool = True) -> Json:
    """Transport socket of a caller: presents its certificate and takes only a server that has one of `identities`.

    Without any identity (a service without workloads) nobody is trusted: the list holds a name that no certificate carries.
    versions: the server chooses which HTTP is spoken; where the caller does, it learns that from the first bytes.
    """
    alpn = mesh_alpn(http=http, versions=("h2", "http/1.1") if versions else ())
    accepted = [_name(identity) for identity in identities or ("spiffe://nobody.invalid/",)]
    validation = {
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": accepted},
            "validation_context_sds_secret_config": {"name": BUNDLE_SECRET, "sds_config": ADS},
        }
    }
    return _socket(any_of(f"{_TLS}.UpstreamTlsContext", common_tls_context=_mesh_context(validation, alpn), sni=server_name))


def downstream(protocol: Protocol) -> Json:
    """Transport socket of a server: asks for a certificate of the mesh. Who it belongs to is judged by RBAC."""
    alpn = ("h2", "http/1.1") if protocol.may_be_http else (MESH_ALPN,)
    validation = {"validation_context_sds_secret_config": {"name": BUNDLE_SECRET, "sds_config": ADS}}
    context = any_of(
        f"{_TLS}.DownstreamTlsContext",
        common_tls_context=_mesh_context(validation, alpn),
        require_client_certificate={"value": True},
        **_NO_RESUMPTION,
    )
    return _socket(context)


def _name(text: str) -> Json:
    """SubjectAltNameMatcher: a URI when it looks like one, else a DNS name; `*` in front or behind as in Istio."""
    kind = _URI if "://" in text else _DNS
    if text.endswith("*"):
        return {"san_type": kind, "matcher": {"prefix": text[:-1]}}
    if text.startswith("*"):
        return {"san_type": kind, "matcher": {"suffix": text[1:]}}
    return {"san_type": kind, "matcher": {"exact": text}}


# --- to servers outside the mesh ------------------------------------------------------------------------------------


def origination(policy: ClientTls, host: str, accepted: tuple[str, ...]) -> Json:
    """TLS that the proxy begins (modes SIMPLE and MUTUAL). The server's name is checked against `subjectAltNames`, else against the
    names of the ServiceEntry, else against the SNI, which is the host unless the policy says otherwise; `host` empty: see
    `by_request`. What is spoken is offered by ALPN as the cluster's HTTP options have it, which Envoy does by itself."""
    sni = policy.sni or host
    validation: Json = {}
    if not policy.skip_verify:
        wanted = policy.names or accepted
        if wanted:
            validation["match_typed_subject_alt_names"] = [_name(text) for text in wanted]
        elif sni:
            validation["match_typed_subject_alt_names"] = [_name(sni)]
        if not policy.secret and not policy.ca_file:
            validation["trusted_ca"] = {"filename": _SYSTEM_ROOTS}
        if policy.crl_file:
            validation["crl"] = {"filename": policy.crl_file}
    common: Json = {
        "tls_params": _params(TlsVersion.AUTO, TlsVersion.AUTO, ()),
        **_validation(validation, "" if policy.skip_verify else _roots_name(policy.secret, policy.ca_file)),
    }
    if policy.mode is TlsMode.MUTUAL:
        common |= _certificates((KeyPair(policy.secret, policy.certificate_file, policy.key_file),))
    fields: Json = {"common_tls_context": common, **({"sni": sni} if sni else {})}
    return _socket(any_of(f"{_TLS}.UpstreamTlsContext", **fields))


def by_request(policy: ClientTls, accepted: tuple[str, ...]) -> Json:
    """UpstreamHttpProtocolOptions where each request names the host: it is the SNI, and what the server's name is checked against
    unless the policy or the ServiceEntry name others."""
    checked = not (policy.skip_verify or policy.names or accepted)
    return {"auto_sni": True, "auto_san_validation": checked} if not policy.sni else {}


def _roots_name(secret: str, file: str) -> str:
    """Secret with the trusted roots: `ca.crt` of a Secret, or a file that the agent watches."""
    if secret:
        return f"{secret}{names.ROOTS_SUFFIX}"
    return f"{names.FILE_ROOTS}{file}" if file else ""


def _validation(inline: Json, secret: str) -> Json:
    """CommonTlsContext: `inline`, and the trusted roots from a secret when one is named."""
    if not secret:
        return {"validation_context": inline} if inline else {}
    config = {"name": secret, "sds_config": ADS}
    if not inline:
        return {"validation_context_sds_secret_config": config}
    return {
        "combined_validation_context": {"default_validation_context": inline, "validation_context_sds_secret_config": config}
    }


def _certificates(pairs: tuple[KeyPair, ...]) -> Json:
    return {"tls_certificate_sds_secret_configs": [{"name": _secret_name(pair), "sds_config": ADS} for pair in pairs]}


def _secret_name(pair: KeyPair) -> str:
    return pair.secret or f"{names.FILE_CERTIFICATE}{pair.certificate_file}~{pair.key_file}"


# --- from clients outside the mesh ----------------------------------------------------------------------------------


def gateway(settings: ServerTls, *, http: bool) -> Json:
    """Transport socket of a gateway's server that terminates TLS."""
    alpn = ["h2", "http/1.1"] if http else []
    if settings.mode is ServerTlsMode.ISTIO_MUTUAL:
        return downstream(Protocol.HTTP if http else Protocol.TCP)
    validation: Json = {}
    asks = settings.mode in {ServerTlsMode.MUTUAL, ServerTlsMode.OPTIONAL_MUTUAL}
    if asks:
        if settings.names:
            validation["match_typed_subject_alt_names"] = [_name(text) for text in settings.names]
        if settings.crl_file:
            validation["crl"] = {"filename": settings.crl_file}
        if settings.spki_pins:
            validation["verify_certificate_spki"] = list(settings.spki_pins)
        if settings.hash_pins:
            validation["verify_certificate_hash"] = list(settings.hash_pins)
    common: Json = {
        "tls_params": _params(settings.min_version, settings.max_version, settings.ciphers),
        "alpn_protocols": alpn,
        **_certificates(settings.certificates),
        **(_validation(validation, _roots_name(settings.ca_secret, settings.ca_file)) if asks else {}),
    }
    context = any_of(
        f"{_TLS}.DownstreamTlsContext",
        common_tls_context=common,
        require_client_certificate={"value": settings.mode is ServerTlsMode.MUTUAL},
        **(_NO_RESUMPTION if asks else {}),
    )
    return _socket(context)

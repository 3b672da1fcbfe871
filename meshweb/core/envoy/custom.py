"""CUSTOM policies: Envoy's ext_authz filters, and what decides which requests they ask about.

Rules come with the routes, as those of DENY and ALLOW do (`docs/adr/0001`): an RBAC filter with shadow rules alone marks what they match.
The filters that ask stand in the listener, one per provider, and ask about what is marked as theirs. A connection that was opened before a
provider came or changed does not know it: each chain says which ones it knows, and what another one is to be asked about is denied.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from meshweb.core.envoy.rbac_values import text
from meshweb.core.envoy.values import Json, any_of, duration
from meshweb.core.ir.providers import ExtensionProvider, Provider
from meshweb.core.providers import tells

CUSTOM_FILTER = "envoy.filters.http.rbac.custom"
FORGED_FILTER = "envoy.filters.http.header_mutation"
STAT = "custom."
_KNOWN = "meshweb.providers"
"""Namespace of dynamic metadata."""
_ASKING = "envoy.filters.http.ext_authz"
_HTTP_RBAC, _NETWORK_RBAC = "envoy.filters.http.rbac", "envoy.filters.network.rbac"
_V3 = 2  # core.v3.ApiVersion
_NO_PSEUDO_HEADERS: Json = {
    "disallow_system": {"value": True},
    "disallow_expression": {"regex": "(?i)(host|x-forwarded-.*|x-envoy-.*|x-meshweb-.*)"},
}
"""What a provider may change of a request: never what policies and routes behind it read as the request's own, nor who its caller is."""


def marked(provider: Provider, rule: str) -> str:
    """Envoy's name of a CUSTOM rule. It begins with whom it is for."""
    return f"{provider.id}/{rule}"


def rule_of(identifier: str) -> str:
    """What `marked` was made of."""
    return identifier.rpartition("/")[2]


def unless_known(provider: Provider) -> Json:
    """config.rbac.v3.Permission: the chain does not know the provider."""
    known = {"filter": _KNOWN, "path": [{"key": provider.id}], "value": {"bool_match": True}}
    return {"not_rule": {"metadata": known}}


def forged_filter() -> Json:
    """By itself it does nothing; see `without_forged`."""
    return {"name": FORGED_FILTER, "typed_config": any_of("envoy.extensions.filters.http.header_mutation.v3.HeaderMutation")}


def without_forged(provider: Provider | None) -> Any:
    """Per route: a client's own headers of the names that the application believes of the provider alone are taken away."""
    names = tells(provider.definition) if provider is not None and provider.definition is not None else ()
    changes = [{"remove_on_match": {"key_matcher": text(n)}} if "*" in n else {"remove": n} for n in names]
    kind = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute"
    return any_of(kind, mutations={"request_mutations": changes})


def known_filter(providers: Iterable[Provider]) -> Json:
    value = {provider.id: True for provider in providers}
    config = any_of(
        "envoy.extensions.filters.http.set_metadata.v3.Config", metadata=[{"metadata_namespace": _KNOWN, "value": value}]
    )
    return {"name": "envoy.filters.http.set_metadata", "typed_config": config}


def asking_filters(providers: Sequence[Provider]) -> list[Json]:
    """One per provider, about what is marked as its own. Routes stay those that were chosen: the policies of another one would not have
    been asked."""
    return [_asking(provider) for provider in providers]


def _asking(provider: Provider) -> Json:
    definition = provider.definition
    assert definition is not None
    fields: Json = {
        "transport_api_version": _V3,
        "stat_prefix": f"{provider.name}.",
        "failure_mode_allow": definition.open,
        "status_on_error": {"code": definition.status},
        "filter_enabled_metadata": _is_marked(_HTTP_RBAC, provider),
        "decoder_header_mutation_rules": _NO_PSEUDO_HEADERS,
        "clear_route_cache": False,
    }
    if definition.body is not None:
        fields["with_request_body"] = {
            "max_request_bytes": definition.body.max_bytes,
            "allow_partial_message": True,
            "pack_as_bytes": definition.body.as_bytes,
        }
    if definition.grpc:
        fields |= {"grpc_service": _grpc(provider, definition), "include_peer_certificate": True}
    else:
        fields |= {
            "http_service": _http(provider, definition),
            "allowed_headers": _patterns(("authorization", *definition.shown)),
        }
    return {
        "name": f"{_ASKING}.{provider.name}",
        "typed_config": any_of("envoy.extensions.filters.http.ext_authz.v3.ExtAuthz", **fields),
    }


def _grpc(provider: Provider, definition: ExtensionProvider) -> Json:
    """A cluster's name is none that a server takes for its own."""
    service = {"cluster_name": provider.cluster, "authority": _host(definition)}
    return {"envoy_grpc": service, "timeout": duration(definition.timeout)}


def _host(definition: ExtensionProvider) -> str:
    return definition.service.rpartition("/")[2]


def _http(provider: Provider, definition: ExtensionProvider) -> Json:
    # Envoy takes these for formats.
    added = [{"key": name, "value": value.replace("%", "%%")} for name, value in definition.added]
    answer = {
        "allowed_upstream_headers": definition.to_upstream,
        "allowed_client_headers": definition.denied_downstream,
        "allowed_client_headers_on_success": definition.to_downstream,
    }
    return {
        "server_uri": {
            "uri": f"http://{_host(definition)}:{definition.port}",
            "cluster": provider.cluster,
            "timeout": duration(definition.timeout),
        },
        "path_prefix": definition.path_prefix,
        "authorization_request": {"headers_to_add": added},
        "authorization_response": {name: _patterns(values) for name, values in answer.items() if values},
    }


def _patterns(values: Sequence[str]) -> Json:
    return {"patterns": [text(value, ignore_case=True) for value in values]}


def _is_marked(by: str, provider: Provider) -> Json:
    return {
        "filter": by,
        "path": [{"key": f"{STAT}shadow_effective_policy_id"}],
        "value": {"string_match": {"prefix": f"{provider.id}/"}},
    }


def network_asking_filter(provider: Provider) -> Json:
    """Asks about connections that are marked; one that is denied is closed. Without HTTP there is no other answer, whatever `status`."""
    definition = provider.definition
    assert definition is not None
    config = any_of(
        "envoy.extensions.filters.network.ext_authz.v3.ExtAuthz",
        stat_prefix=f"{provider.name}.",
        grpc_service=_grpc(provider, definition),
        failure_mode_allow=definition.open,
        include_peer_certificate=True,
        transport_api_version=_V3,
        filter_enabled_metadata=_is_marked(_NETWORK_RBAC, provider),
    )
    return {"name": "envoy.filters.network.ext_authz", "typed_config": config}

"""Route configurations: one per service port, one virtual host each; in mode proxy one with a virtual host per service."""

from __future__ import annotations

import re
from typing import Any

from meshweb.core import names
from meshweb.core.envoy.values import Json, duration, serialized
from meshweb.core.ir import (
    Backend,
    HeaderChange,
    MatchKind,
    NamedMatch,
    Redirect,
    Rewrite,
    RouteMatch,
    RouteRule,
    StringMatch,
    VirtualService,
)
from meshweb.core.names import PortRef
from meshweb.core.snapshot import XdsResource
from meshweb.protos import message

_ROUTE_CONFIGURATION = "envoy.config.route.v3.RouteConfiguration"
_VIRTUAL_HOST = "envoy.config.route.v3.VirtualHost"
_APPEND, _OVERWRITE = 0, 2  # HeaderAppendAction
_INTERNAL_SERVER_ERROR = 2  # RouteAction.ClusterNotFoundResponseCode
_REDIRECT_CODES = {301: 0, 302: 1, 303: 2, 307: 3, 308: 4}

RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled"
"""Istio's default: only what the server has certainly not begun to work on."""


def route_configuration(service: VirtualService, dns_suffix: str) -> XdsResource:
    """RouteConfiguration of one service port: whatever the Host header says, the caller has chosen the service by address."""
    name = names.outbound(service.port, dns_suffix)
    host = virtual_host(service, ("*",), dns_suffix)
    return _configuration(name, [host])


def proxy_route_configuration(services: tuple[tuple[VirtualService, tuple[str, ...]], ...], dns_suffix: str) -> XdsResource:
    """RouteConfiguration of the listener of mode proxy: the service is chosen by the Host header. `services`: with domains."""
    return _configuration(names.PROXY_LISTENER, [virtual_host(service, domains, dns_suffix) for service, domains in services])


def _configuration(name: str, virtual_hosts: list[Any]) -> XdsResource:
    fields: Json = {
        "name": name,
        "virtual_hosts": virtual_hosts,
        "ignore_port_in_host_matching": False,
        # Route targets may be on their way; an unknown cluster is answered per route, not by refusing all routes.
        "validate_clusters": {"value": False},
    }
    return XdsResource.of(name, serialized(message(_ROUTE_CONFIGURATION)(**fields)))


def virtual_host(service: VirtualService, domains: tuple[str, ...], dns_suffix: str) -> Any:
    """VirtualHost whose virtual cluster `all` counts what its callers experienced (statistics per edge)."""
    return message(_VIRTUAL_HOST)(
        name=names.outbound_stat(service.port),
        domains=list(domains),
        routes=[_route(rule, service.port, dns_suffix) for rule in service.routes],
        virtual_clusters=[{"name": "all", "headers": [{"name": ":path", "present_match": True}]}],
        include_request_attempt_count=True,
    )


def _route(rule: RouteRule, port: PortRef, dns_suffix: str) -> Json:
    route: Json = {
        "match": _match(rule.match),
        "decorator": {"operation": f"{names.service_host(port.service, dns_suffix)}:{port.port}/*"},
        **_header_changes(rule.request_headers, rule.response_headers),
    }
    if rule.origin is not None:
        route["name"] = f"{rule.origin.namespace}/{rule.origin.name}"
    if rule.redirect is not None:
        route["redirect"] = _redirect(rule.redirect, rule.match)
    else:
        route["route"] = _action(rule, dns_suffix)
    return route


def _action(rule: RouteRule, dns_suffix: str) -> Json:
    action: Json = {
        "timeout": duration(rule.request_timeout),
        "retry_policy": _retry_policy(rule.try_timeout),
        "cluster_not_found_response_code": _INTERNAL_SERVER_ERROR,
        **_targets(rule.backends, dns_suffix),
    }
    if rule.mirrors:
        action["request_mirror_policies"] = [{"cluster": names.outbound(port, dns_suffix)} for port in rule.mirrors]
    if rule.rewrite is not None:
        action |= _rewrite(rule.rewrite, rule.match)
    return action


def _targets(backends: tuple[Backend, ...], dns_suffix: str) -> Json:
    """Shares of zero stay listed (so that a shift from 0 changes a number, not the shape); all zero answers 500."""
    if len(backends) == 1 and backends[0].weight > 0 and backends[0] == Backend(backends[0].port, backends[0].weight):
        return {"cluster": _cluster(backends[0], dns_suffix)}
    if not any(backend.weight for backend in backends):
        return {"cluster": names.BLACKHOLE_CLUSTER}
    clusters = [
        {
            "name": _cluster(backend, dns_suffix),
            "weight": {"value": backend.weight},
            **_header_changes(backend.request_headers, backend.response_headers),
        }
        for backend in backends
    ]
    return {"weighted_clusters": {"clusters": clusters}}


def _cluster(backend: Backend, dns_suffix: str) -> str:
    return names.BLACKHOLE_CLUSTER if backend.port is None else names.outbound(backend.port, dns_suffix)


def _retry_policy(try_timeout: int) -> Json:
    policy: Json = {
        "retry_on": RETRY_ON,
        "num_retries": {"value": 2},
        "retry_back_off": {"base_interval": duration(25), "max_interval": duration(250)},
        "retry_host_predicate": [{"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": _previous_hosts()}],
        "host_selection_retry_max_attempts": 5,
    }
    if try_timeout:
        policy["per_try_timeout"] = duration(try_timeout)
    return policy


def _previous_hosts() -> Any:
    from meshweb.core.envoy.values import any_of

    return any_of("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate")


def _match(match: RouteMatch) -> Json:
    headers = [{"name": item.name, "string_match": _string(item.match)} for item in match.headers]
    if match.method:
        headers.append({"name": ":method", "string_match": {"exact": match.method}})
    result: Json = {"headers": headers} if headers else {}
    if match.query:
        result["query_parameters"] = [_query(item) for item in match.query]
    return result | _path(match.path)


def _path(path: StringMatch) -> Json:
    if path.kind is MatchKind.EXACT:
        return {"path": path.value}
    if path.kind is MatchKind.REGEX:
        return {"safe_regex": {"regex": path.value}}
    prefix = path.value.rstrip("/")
    return {"path_separated_prefix": prefix} if prefix else {"prefix": "/"}


def _query(item: NamedMatch) -> Json:
    return {"name": item.name, "string_match": _string(item.match)}


def _string(match: StringMatch) -> Json:
    return {"safe_regex": {"regex": match.value}} if match.kind is MatchKind.REGEX else {match.kind.value: match.value}


def _redirect(redirect: Redirect, match: RouteMatch) -> Json:
    result: Json = {"response_code": _REDIRECT_CODES[redirect.status]}
    if redirect.scheme:
        result["scheme_redirect"] = redirect.scheme
    if redirect.host:
        result["host_redirect"] = redirect.host
    if redirect.port is not None:
        result["port_redirect"] = redirect.port
    if redirect.full_path is not None:
        result["path_redirect"] = redirect.full_path
    elif redirect.prefix is not None:
        result |= _replace_prefix(redirect.prefix, match)
    return result


def _rewrite(rewrite: Rewrite, match: RouteMatch) -> Json:
    result: Json = {"host_rewrite_literal": rewrite.host} if rewrite.host else {}
    if rewrite.full_path is not None:
        result["regex_rewrite"] = {"pattern": {"regex": "^/.*$"}, "substitution": _literal_substitution(rewrite.full_path)}
    elif rewrite.prefix is not None:
        result |= _replace_prefix(rewrite.prefix, match)
    return result


def _replace_prefix(replacement: str, match: RouteMatch) -> Json:
    """ReplacePrefixMatch works on whole segments: `/foo` -> `/` turns `/foo/bar` into `/bar`, not `//bar`."""
    replacement = replacement.rstrip("/")
    prefix = match.path.value.rstrip("/")
    if replacement and prefix:
        return {"prefix_rewrite": replacement}
    pattern = "^" + re.escape(prefix) + "/*"
    return {"regex_rewrite": {"pattern": {"regex": pattern}, "substitution": _literal_substitution(replacement + "/")}}


def _literal_substitution(text: str) -> str:
    """In RE2's rewrite strings only the backslash is special."""
    return text.replace("\\", "\\\\")


def _header_changes(request: HeaderChange, response: HeaderChange) -> Json:
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

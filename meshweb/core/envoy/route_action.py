"""What becomes of a matched request: forwarded, redirected, or answered by the proxy itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from meshweb.core import names
from meshweb.core.envoy.header_changes import header_changes
from meshweb.core.envoy.values import Json, any_of, duration
from meshweb.core.ir.routing import (
    Backend,
    Destination,
    DirectResponse,
    MatchKind,
    Mirror,
    Redirect,
    Retry,
    Rewrite,
    RouteMatch,
    RouteRule,
)
from meshweb.core.ir.traffic_policy import HashKey

_NOT_FOUND_CODES = {503: 0, 404: 1, 500: 2}  # RouteAction.ClusterNotFoundResponseCode
_REDIRECT_CODES = {301: 0, 302: 1, 303: 2, 307: 3, 308: 4}
_USUAL_PORTS = {"http": 80, "https": 443}
_MILLION = 2  # FractionalPercent.DenominatorType


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the requests of a route configuration come in."""

    port: int
    tls: bool = False

    @property
    def is_usual(self) -> bool:
        """Whether the port goes without saying."""
        return self.port == (_USUAL_PORTS["https"] if self.tls else _USUAL_PORTS["http"])


def action(rule: RouteRule, listening: Listening, dns_suffix: str) -> Json:
    """The oneof of Route: `redirect`, `direct_response` or `route`."""
    if rule.redirect is not None:
        return {"redirect": _redirect(rule.redirect, rule.match, listening)}
    if rule.response is not None:
        return {"direct_response": _response(rule.response)}
    return {"route": _forward(rule, dns_suffix)}


def _forward(rule: RouteRule, dns_suffix: str) -> Json:
    result: Json = {
        "timeout": duration(rule.request_timeout),
        "cluster_not_found_response_code": _NOT_FOUND_CODES[rule.missing_status],
        **targets(rule.backends, dns_suffix),
    }
    if rule.retry.attempts:
        result["retry_policy"] = _retry_policy(rule.retry)
    if rule.mirrors:
        result["request_mirror_policies"] = [_mirror(mirror, dns_suffix) for mirror in rule.mirrors]
    if rule.rewrite is not None:
        result |= _rewrite(rule.rewrite, rule.match)
    if rule.hash_keys:
        result["hash_policy"] = [_hash_policy(key) for key in rule.hash_keys]
    return result


def cluster_of(destination: Destination | None, dns_suffix: str) -> str:
    """Name of the cluster; a name that never exists for what resolves to nothing."""
    return names.BLACKHOLE_CLUSTER if destination is None else names.outbound(destination.port, dns_suffix, destination.subset)


def targets(backends: tuple[Backend, ...], dns_suffix: str) -> Json:
    """Shares of zero stay listed (so that a shift from 0 changes a number, not the shape); all zero goes nowhere."""
    if len(backends) == 1 and backends[0].weight > 0 and backends[0].plain:
        return {"cluster": cluster_of(backends[0].to, dns_suffix)}
    if not any(backend.weight for backend in backends):
        return {"cluster": names.BLACKHOLE_CLUSTER}
    clusters = [
        {
            "name": cluster_of(backend.to, dns_suffix),
            "weight": {"value": backend.weight},
            **header_changes(backend.request_headers, backend.response_headers),
        }
        for backend in backends
    ]
    return {"weighted_clusters": {"clusters": clusters}}


def _retry_policy(retry: Retry) -> Json:
    policy: Json = {
        "retry_on": ",".join((*retry.on, *(("retriable-status-codes",) if retry.codes else ()))),
        "num_retries": {"value": retry.attempts},
        "retry_back_off": {"base_interval": duration(retry.backoff), "max_interval": duration(10 * retry.backoff)},
    }
    if retry.codes:
        policy["retriable_status_codes"] = list(retry.codes)
    if retry.ignore_previous_hosts:
        previous = any_of("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate")
        policy["retry_host_predicate"] = [{"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": previous}]
        policy["host_selection_retry_max_attempts"] = 5
    if retry.other_localities:
        others = any_of("envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig", update_frequency=2)
        policy["retry_priority"] = {"name": "envoy.retry_priorities.previous_priorities", "typed_config": others}
    if retry.try_timeout:
        policy["per_try_timeout"] = duration(retry.try_timeout)
    return policy


def parts_of_a_million(parts: int) -> Json:
    """FractionalPercent."""
    return {"numerator": parts, "denominator": _MILLION}


def _mirror(mirror: Mirror, dns_suffix: str) -> Json:
    return {
        "cluster": cluster_of(mirror.to, dns_suffix),
        "runtime_fraction": {"default_value": parts_of_a_million(mirror.parts)},
        # The mirrored request keeps its Host; Envoy would append "-shadow".
        "disable_shadow_host_suffix_append": True,
    }


def _hash_policy(key: HashKey) -> Json:
    if key.source_ip:
        return {"connection_properties": {"source_ip": True}}
    if key.header:
        return {"header": {"header_name": key.header}}
    if key.query:
        return {"query_parameter": {"name": key.query}}
    cookie: Json = {"name": key.cookie}
    if key.cookie_path:
        cookie["path"] = key.cookie_path
    if key.cookie_ttl is not None:
        cookie["ttl"] = duration(key.cookie_ttl)
    if key.cookie_attributes:
        cookie["attributes"] = [{"name": name, "value": value} for name, value in key.cookie_attributes]
    return {"cookie": cookie}


def _response(response: DirectResponse) -> Json:
    return {"status": response.status, **({"body": {"inline_bytes": response.body}} if response.body else {})}


def _redirect(redirect: Redirect, match: RouteMatch, listening: Listening) -> Json:
    result: Json = {"response_code": _REDIRECT_CODES[redirect.status]}
    if redirect.scheme:
        result["scheme_redirect"] = redirect.scheme
    if redirect.host:
        result["host_redirect"] = redirect.host
    port = _redirect_port(redirect, listening)
    if port is not None:
        result["port_redirect"] = port
    if redirect.full_path is not None:
        result["path_redirect"] = redirect.full_path
    elif redirect.prefix is not None:
        result |= _replace_prefix(redirect.prefix, match)
    return result


def _redirect_port(redirect: Redirect, listening: Listening) -> int | None:
    """None: without. A new host comes without a port; the request's own host keeps its port unless one is named."""
    port = redirect.port
    if port is None and redirect.from_listener:
        return listening.port if redirect.host and not listening.is_usual else None
    usual = _USUAL_PORTS[redirect.scheme or ("https" if listening.tls else "http")]
    if port is None and redirect.usual_port:
        port = usual
    return None if redirect.host and port == usual else port


def _rewrite(rewrite: Rewrite, match: RouteMatch) -> Json:
    result: Json = {"host_rewrite_literal": rewrite.host} if rewrite.host else {}
    if rewrite.regex is not None:
        pattern, substitution = rewrite.regex
        result["regex_rewrite"] = {"pattern": {"regex": pattern}, "substitution": substitution}
    elif rewrite.full_path is not None:
        result["regex_rewrite"] = {"pattern": {"regex": "^/.*$"}, "substitution": literal_substitution(rewrite.full_path)}
    elif rewrite.prefix is not None:
        result |= _replace_prefix(rewrite.prefix, match)
    return result


def _replace_prefix(replacement: str, match: RouteMatch) -> Json:
    """What the path match matched is replaced. A segment prefix by whole segments: `/foo` -> `/` turns `/foo/bar` into `/bar`, not
    `//bar`. A text prefix as text (Istio's `rewrite.uri`)."""
    if match.path.kind is MatchKind.PREFIX:
        return {"prefix_rewrite": replacement}
    if match.path.kind is not MatchKind.SEGMENTS:
        return {"regex_rewrite": {"pattern": {"regex": "^/.*$"}, "substitution": literal_substitution(replacement)}}
    replacement = replacement.rstrip("/")
    prefix = match.path.value.rstrip("/")
    if replacement and prefix:
        return {"prefix_rewrite": replacement}
    pattern = "^" + re.escape(prefix) + "/*"
    return {"regex_rewrite": {"pattern": {"regex": pattern}, "substitution": literal_substitution(replacement + "/")}}


def literal_substitution(text: str) -> str:
    """In RE2's rewrite strings only the backslash is special."""
    return text.replace("\\", "\\\\")

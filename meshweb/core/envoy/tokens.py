"""Tokens of end users: Envoy's jwt_authn filter. Keys stand in its configuration; Envoy fetches nothing.

A request without a token passes, one with a token that cannot be verified does not (Istio, "RequestAuthentication"). Envoy has the keys in
the listener alone: a change of them drains the connections that are open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from meshweb.core.envoy.rbac_tokens import FAILED, FILTER, PAYLOAD
from meshweb.core.envoy.values import Json, any_of, duration
from meshweb.core.ir.security import TokenRule
from meshweb.core.tokens import LISTS

_NOWHERE: Json = {
    "http_uri": {"uri": "https://keys.invalid/", "cluster": "no-keys", "timeout": duration(1000)},
}
"""Keys of an issuer that has none. Envoy takes no empty set; from a cluster that does not exist none ever come, and tokens are refused."""


def token_filter(rules: Sequence[TokenRule]) -> Json:
    config: Any = any_of(
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        providers={rule.name: _provider(rule) for rule in rules},
        rules=[{"match": {"prefix": "/"}, "requires": _requirement(rules)}],
        bypass_cors_preflight=True,
    )
    return {"name": FILTER, "typed_config": config}


def _requirement(rules: Sequence[TokenRule]) -> Json:
    """A token in any place must be valid. Where rules look at the same place, it is enough that one of them takes what it finds there.

    Not `allow_missing` alone, nor Istio's "one of all, or else": with these a good token would let a bad one pass beside it.
    """
    groups = [_group(group) for group in _by_place(rules)]
    return groups[0] if len(groups) == 1 else {"requires_all": {"requirements": groups}}


def _group(rules: Sequence[TokenRule]) -> Json:
    """Beside `allow_missing` Envoy looks providers up by issuer, and finds but one of several; alone each is asked by its name."""
    providers: list[Json] = [{"provider_name": rule.name} for rule in rules]
    missing: Json = {"requires_any": {"requirements": [*providers, {"allow_missing": {}}]}}
    return {"requires_any": {"requirements": [*providers, missing]}} if len(rules) > 1 else missing


def _by_place(rules: Sequence[TokenRule]) -> list[list[TokenRule]]:
    """Rules that have a place in common stand together."""
    groups: list[tuple[set[tuple[str, str]], list[TokenRule]]] = []
    for rule in rules:
        places, together = set(_places(rule)), [rule]
        for group in [group for group in groups if group[0] & places]:
            groups.remove(group)
            places |= group[0]
            together = [*group[1], *together]
        groups.append((places, together))
    return [group for _, group in groups]


def _places(rule: TokenRule) -> Iterator[tuple[str, str]]:
    yield from (("header", name) for name, _ in rule.from_headers)
    yield from (("param", name) for name in rule.from_params)
    yield from (("cookie", name) for name in rule.from_cookies)
    if not (rule.from_headers or rule.from_params or rule.from_cookies):
        yield from (("header", "authorization"), ("param", "access_token"))


def _provider(rule: TokenRule) -> Json:
    found: Json = {
        "issuer": rule.issuer,
        "audiences": list(rule.audiences),
        **({"local_jwks": {"inline_string": rule.keys}} if rule.keys else {"remote_jwks": _NOWHERE}),
        "require_expiration": True,
        "forward": rule.forward,
        "from_headers": [{"name": name, "value_prefix": prefix} for name, prefix in rule.from_headers],
        "from_params": list(rule.from_params),
        "from_cookies": list(rule.from_cookies),
        "forward_payload_header": rule.payload_header,
        "payload_in_metadata": PAYLOAD,
        "failed_status_in_metadata": FAILED,
        "normalize_payload_in_metadata": {"space_delimited_claims": sorted({*LISTS, *rule.space_delimited})},
        "claim_to_headers": [{"header_name": header, "claim_name": claim} for header, claim in rule.claim_headers],
    }
    if rule.payload_header or rule.claim_headers:
        found["clear_route_cache"] = True  # routes may match the headers that are new
    return found

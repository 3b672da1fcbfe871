"""What verified tokens say, as principals of Envoy's RBAC.

The jwt_authn filter leaves the payload of a token in dynamic metadata; without a valid token there is none, and nothing here matches.
`lenient` as in `rbac_values`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from meshweb.core.envoy.rbac_values import text
from meshweb.core.envoy.values import Json

FILTER = "envoy.filters.http.jwt_authn"
"""Name of the filter, and its namespace of dynamic metadata."""
FAILED = "failed"
"""Key of dynamic metadata: why a token was refused. It may be there also when another rule took the token."""
PAYLOAD = "payload"
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


def principal(value: str, *, lenient: bool) -> Json:
    """`issuer/subject`, in Istio's four forms. What stands behind the last slash is the subject (Istio); leniently, behind any."""
    if value == "*":
        return SOME if lenient else _and(SOME, _SUBJECT)
    if value.startswith("*"):
        return _or([_and(*_ends(head), _string("sub", {"exact": tail})) for head, tail in _splits(value[1:], lenient)] +
                   ([] if "/" in value and not lenient else [_string("sub", {"suffix": value[1:]})]))  # fmt: skip
    if value.endswith("*"):
        some = [] if lenient else [_SUBJECT]
        within = _and(_string("iss", {"prefix": value[:-1]}), *some)
        return _or(
            [
                within,
                *(_and(_string("iss", {"exact": head}), *_begins(tail, some)) for head, tail in _splits(value[:-1], lenient)),
            ]
        )
    return _or(
        [_and(_string("iss", {"exact": head}), _string("sub", {"exact": tail})) for head, tail in _splits(value, lenient)]
    )


def claim(path: Sequence[str], value: str, *, lenient: bool) -> Json:
    """A text, or one of a list of texts. Leniently also a number and a truth value that are written so, and `*` is anything at all."""
    matcher = {"string_match": text(value)}
    found: list[Json] = [matcher, {"list_match": {"one_of": matcher}}]
    if lenient and value == "*":
        found.append({"present_match": True})
    elif lenient and value in {"true", "false"}:
        found.append({"bool_match": value == "true"})
    elif lenient and _NUMBER.fullmatch(value):
        found.append({"double_match": {"exact": float(value)}})
    return _metadata(path, {"or_match": {"value_matchers": found}})


def _metadata(path: Sequence[str], value: Json) -> Json:
    keys = [{"key": name} for name in (PAYLOAD, *path)]
    return {"sourced_metadata": {"metadata_matcher": {"filter": FILTER, "path": keys, "value": value}}}


def _string(name: str, match: Json) -> Json:
    return _metadata((name,), {"string_match": match})


SOME = _string("iss", text("*"))
"""A verified token."""
_SUBJECT = _string("sub", text("*"))


def _splits(literal: str, lenient: bool) -> list[tuple[str, str]]:
    """At slashes: what may be (the end of) an issuer, and (the beginning of) a subject."""
    at = [index for index, letter in enumerate(literal) if letter == "/"]
    return [(literal[:index], literal[index + 1 :]) for index in (at if lenient else at[-1:])]


def _ends(head: str) -> list[Json]:
    return [_string("iss", {"suffix": head})] if head else []


def _begins(tail: str, some: list[Json]) -> list[Json]:
    return [_string("sub", {"prefix": tail})] if tail else some


def _and(*parts: Json) -> Json:
    return {"and_ids": {"ids": list(parts)}} if len(parts) > 1 else parts[0]


def _or(parts: list[Json]) -> Json:
    return {"or_ids": {"ids": parts}} if len(parts) > 1 else parts[0]

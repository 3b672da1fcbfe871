"""RequestAuthentication (Istio reference): whose tokens workloads take, where they stand, and what of them applications get."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError

from meshweb.core.errors import Violation, pointer, under
from meshweb.core.jwks import public_keys
from meshweb.kinds.base import Metadata, SpecModel
from meshweb.kinds.common.http import ChangeableHeader, HeaderName
from meshweb.kinds.common.istio import PositiveDuration, istio_milliseconds
from meshweb.kinds.common.istio_selector import Selector, selector_violations

MAX_JWKS = 64 * 1024
"""Characters of keys that stand in a document."""


def _no_underscore(name: str) -> str:
    if "_" in name:
        raise ValueError("must not hold '_': sidecars refuse requests with such headers")
    return name.lower()


def _source(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme != "https":
        raise ValueError("must be an https URL")
    if not parts.hostname or parts.username is not None or parts.fragment or "\\" in uri:
        raise ValueError("must be a URL with a host, without user and fragment")
    _ = parts.port  # raises ValueError
    return uri


def _public(jwks: str) -> str:
    public_keys(jwks)
    return jwks


Text = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[\x21-\x7e]+$")]
Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
Prefix = Annotated[str, Field(max_length=256, pattern=r"^[\x20-\x7e]*$")]
Claim = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[\x21-\x7e]+$")]
ReadHeader = Annotated[HeaderName, AfterValidator(_no_underscore)]
WrittenHeader = Annotated[ChangeableHeader, AfterValidator(_no_underscore)]
Some = Field(max_length=16)


class HeaderLocation(SpecModel):
    """prefix: what stands before the token, with its space."""

    name: ReadHeader
    prefix: Prefix = ""


class ClaimToHeader(SpecModel):
    """claim: of a claim within another `outer.inner`."""

    header: WrittenHeader
    claim: Claim


class JwtRule(SpecModel):
    """audiences: one of them must be in the token; left out: any. jwks: a JSON Web Key Set of public keys; or jwksUri: where the
    control plane fetches one. timeout: of a fetch."""

    issuer: Text
    audiences: Annotated[tuple[Text, ...], Field(max_length=64)] = ()
    jwks: Annotated[str, Field(min_length=1, max_length=MAX_JWKS), AfterValidator(_public)] | None = None
    jwks_uri: Annotated[Text, AfterValidator(_source)] | None = None
    from_headers: Annotated[tuple[HeaderLocation, ...], Some] = ()
    from_params: Annotated[tuple[Name, ...], Some] = ()
    from_cookies: Annotated[tuple[Name, ...], Some] = ()
    output_payload_to_header: WrittenHeader | None = None
    output_claim_to_headers: Annotated[tuple[ClaimToHeader, ...], Field(max_length=64)] = ()
    forward_original_token: bool = False
    timeout: PositiveDuration = "5s"
    space_delimited_claims: Annotated[tuple[Claim, ...], Some] = ()


class RequestAuthenticationSpec(SpecModel):
    selector: Selector | None = None
    jwt_rules: Annotated[tuple[JwtRule, ...], Field(max_length=32)] = ()


def check(_metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, RequestAuthenticationSpec)
    yield from selector_violations(spec.selector)
    for index, rule in enumerate(spec.jwt_rules):
        yield from under(("spec", "jwtRules", index), _rule(rule))


def _rule(rule: JwtRule) -> Iterator[Violation]:
    if rule.jwks is None and rule.jwks_uri is None:
        yield Violation("", "required", "must have jwks or jwksUri: issuers are not asked where their keys are")
    if rule.jwks is not None and rule.jwks_uri is not None:
        yield Violation(pointer("jwksUri"), "conflict", "must not stand beside jwks")
    if istio_milliseconds(rule.timeout) > 30_000:
        yield Violation(pointer("timeout"), "less_than_equal", "must not be longer than 30s")
    written = [rule.output_payload_to_header] if rule.output_payload_to_header else []
    for index, item in enumerate(rule.output_claim_to_headers):
        if item.header in written:
            yield Violation(
                pointer("outputClaimToHeaders", index, "header"), "duplicate", "is the header of something else too"
            )
        written.append(item.header)


def key_sources(raw: object) -> Iterator[tuple[str, float]]:
    """Each `jwksUri` of a stored spec, and the seconds that a fetch may take. Nothing for one that cannot be read any more."""
    try:
        spec = RequestAuthenticationSpec.model_validate_json(json.dumps(raw))
    except ValidationError:
        return
    for rule in spec.jwt_rules:
        if rule.jwks_uri is not None:
            yield rule.jwks_uri, istio_milliseconds(rule.timeout) / 1000

"""`extensionProviders` (Istio, MeshConfig.ExtensionProvider): whom AuthorizationPolicies with action CUSTOM ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator, Field

from meshweb.core.errors import Violation, pointer, under
from meshweb.core.ir.providers import BodyInCheck, ExtensionProvider
from meshweb.kinds.base import PortNumber, SpecModel
from meshweb.kinds.common.http import HeaderName, HeaderValue, is_reserved_header
from meshweb.kinds.common.istio import PositiveDuration, istio_milliseconds

MAX_PROVIDERS = 16
_STATUSES = frozenset({*range(400, 418), 421, 422, 423, 424, 426, 428, 429, 431, *range(500, 509), 510, 511})
"""Those that Envoy knows by name."""


def _pattern(text: str) -> str:
    """A header's name, `prefix*`, `*suffix`, or `*`."""
    inner = text[1:] if text.startswith("*") else text.removesuffix("*")
    if "*" in inner:
        raise ValueError("may have one '*', at its beginning or its end")
    return text.lower()


def _status(text: str) -> str:
    if not text.isascii() or not text.isdigit() or int(text) not in _STATUSES:
        raise ValueError("must be a status of an error, as text: 403, 503")
    return text


Pattern = Annotated[
    str, Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"), AfterValidator(_pattern)
]
Patterns = Annotated[tuple[Pattern, ...], Field(max_length=64)]
Status = Annotated[str, AfterValidator(_status)]
ServiceName = Annotated[
    str, Field(max_length=320, pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
]


class Body(SpecModel):
    max_request_bytes: Annotated[int, Field(ge=1, le=1_048_576)]
    allow_partial_message: bool = False
    pack_as_bytes: bool = False


class ExtAuthzHttp(SpecModel):
    """service: host, or `namespace/host`. Header lists have Istio's forms: name, `prefix*`, `*suffix`."""

    service: ServiceName
    port: PortNumber
    timeout: PositiveDuration = "600s"
    path_prefix: Annotated[str, Field(max_length=1024)] = ""
    fail_open: bool = False
    status_on_error: Status = "403"
    include_request_headers_in_check: Patterns = ()
    include_additional_headers_in_check: dict[HeaderName, HeaderValue] = Field(default_factory=dict, max_length=32)
    include_request_body_in_check: Body | None = None
    headers_to_upstream_on_allow: Patterns = ()
    headers_to_downstream_on_deny: Patterns = ()
    headers_to_downstream_on_allow: Patterns = ()


class ExtAuthzGrpc(SpecModel):
    service: ServiceName
    port: PortNumber
    timeout: PositiveDuration = "600s"
    fail_open: bool = False
    status_on_error: Status = "403"
    include_request_body_in_check: Body | None = None


class ProviderSpec(SpecModel):
    """One of the two. name: that policies name."""

    name: Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
    envoy_ext_authz_http: ExtAuthzHttp | None = None
    envoy_ext_authz_grpc: ExtAuthzGrpc | None = None


def provider_violations(providers: tuple[ProviderSpec, ...]) -> Iterator[Violation]:
    for index, provider in enumerate(providers):
        if provider.name in {other.name for other in providers[:index]}:
            yield Violation(pointer(index, "name"), "duplicate", f"extension provider {provider.name} is given twice")
        if (provider.envoy_ext_authz_http is None) == (provider.envoy_ext_authz_grpc is None):
            yield Violation(pointer(index), "one_of", "set exactly one of envoyExtAuthzHttp and envoyExtAuthzGrpc")
        asked = provider.envoy_ext_authz_http or provider.envoy_ext_authz_grpc
        body = asked.include_request_body_in_check if asked is not None else None
        if body is not None and not body.allow_partial_message:
            # Envoy does so only for bodies that come in several pieces; of others the provider is shown the beginning.
            words = "must be true: not every longer body is refused; the provider is told by x-envoy-auth-partial-body"
            at = "envoyExtAuthzHttp" if provider.envoy_ext_authz_http is not None else "envoyExtAuthzGrpc"
            yield Violation(pointer(index, at, "includeRequestBodyInCheck", "allowPartialMessage"), "not_enforceable", words)
        if provider.envoy_ext_authz_http is not None:
            yield from under((index, "envoyExtAuthzHttp"), _http(provider.envoy_ext_authz_http))


def _http(spec: ExtAuthzHttp) -> Iterator[Violation]:
    if spec.path_prefix and (not spec.path_prefix.startswith("/") or any(c in spec.path_prefix for c in "?#")):
        yield Violation("/pathPrefix", "value_error", "must begin with '/' and have neither '?' nor '#'")
    for index, name in enumerate(spec.headers_to_upstream_on_allow):
        if "*" in name and name.strip("*") == "":
            words = "must not be '*': a provider may set headers of its own, not all that are"
            yield Violation(pointer("headersToUpstreamOnAllow", index), "value_error", words)
        elif is_reserved_header(name.strip("*")):
            yield Violation(pointer("headersToUpstreamOnAllow", index), "reserved", f"{name} belongs to the proxy")
    for name in spec.include_additional_headers_in_check:
        if is_reserved_header(name):
            yield Violation(pointer("includeAdditionalHeadersInCheck", name), "reserved", f"{name} belongs to the proxy")


def extension_provider(spec: ProviderSpec) -> ExtensionProvider:
    http, grpc = spec.envoy_ext_authz_http, spec.envoy_ext_authz_grpc
    asked = http or grpc
    assert asked is not None, "checked at write"
    body = asked.include_request_body_in_check
    found = ExtensionProvider(
        name=spec.name,
        service=asked.service,
        port=asked.port,
        grpc=grpc is not None,
        timeout=istio_milliseconds(asked.timeout),
        open=asked.fail_open,
        status=int(asked.status_on_error),
        body=BodyInCheck(body.max_request_bytes, body.pack_as_bytes) if body is not None else None,
    )
    if http is None:
        return found
    return replace(
        found,
        path_prefix=http.path_prefix,
        shown=http.include_request_headers_in_check,
        added=tuple(sorted(http.include_additional_headers_in_check.items())),
        to_upstream=http.headers_to_upstream_on_allow,
        to_downstream=http.headers_to_downstream_on_allow,
        denied_downstream=http.headers_to_downstream_on_deny,
    )

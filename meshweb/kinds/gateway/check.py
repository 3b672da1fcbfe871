"""What the types of Gateway cannot say (the CEL rules of Gateway API, and what one port can serve at a time)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from meshweb.core.errors import Violation, pointer, under
from meshweb.kinds.base import Metadata
from meshweb.kinds.gateway.spec import AllowedRoutes, FrontendTls, GatewaySpec, Listener, ListenerTls, Requirement

_ROUTES: Mapping[str, tuple[str, ...]] = {
    "HTTP": ("HTTPRoute", "GRPCRoute"),
    "HTTPS": ("HTTPRoute", "GRPCRoute"),
    "TLS": ("TLSRoute", "TCPRoute"),
    "TCP": ("TCPRoute",),
}
"""Protocol of a listener -> kinds of routes that can be attached."""
_BESIDE: Mapping[str, tuple[str, ...]] = {
    "HTTP": ("HTTP",),
    "HTTPS": ("HTTPS", "TLS"),
    "TLS": ("HTTPS", "TLS"),
    "TCP": ("TCP",),
}
"""Protocol -> protocols of other listeners that can be told apart from it on one port: by Host, or by server name."""


def check(_metadata: Metadata, spec: object) -> Iterable[Violation]:
    assert isinstance(spec, GatewaySpec)
    if spec.addresses:
        yield Violation("/spec/addresses", "unsupported", "must be empty: a Gateway is reached at the addresses of its proxies")
    for index, listener in enumerate(spec.listeners):
        yield from under(("spec", "listeners", index), _listener(listener))
    yield from under(("spec", "listeners"), _together(spec.listeners))
    if spec.tls is not None and spec.tls.frontend is not None:
        yield from under(("spec",), _frontend(spec.tls.frontend, spec.listeners))


def _listener(listener: Listener) -> Iterator[Violation]:
    if listener.protocol == "TCP" and listener.hostname is not None:
        yield Violation("/hostname", "conflict", "must not be set for protocol TCP, which names no host")
    if listener.protocol in {"HTTP", "TCP"} and listener.tls is not None:
        yield Violation("/tls", "conflict", f"must not be set for protocol {listener.protocol}")
    elif listener.tls is not None:
        yield from under(("tls",), _tls(listener.tls, listener.protocol))
    elif listener.protocol in {"HTTPS", "TLS"}:
        yield Violation("/tls", "required", f"must be set for protocol {listener.protocol}")
    yield from under(("allowedRoutes",), _allowed(listener.allowed_routes, _ROUTES[listener.protocol], listener.protocol))


def _tls(tls: ListenerTls, protocol: str) -> Iterator[Violation]:
    if tls.mode == "Terminate" and not tls.certificate_refs:
        yield Violation("/certificateRefs", "required", "must name a Secret for mode Terminate")
    if tls.mode == "Passthrough":
        if protocol == "HTTPS":
            yield Violation("/mode", "conflict", "must be Terminate for protocol HTTPS; use protocol TLS to pass through")
        for field, given in (("certificateRefs", tls.certificate_refs), ("frontendValidation", tls.frontend_validation)):
            if given:
                yield Violation(f"/{field}", "conflict", "must not be set for mode Passthrough: TLS ends behind the gateway")
    for option in tls.options:
        yield Violation(pointer("options", option), "unsupported", "is not an option of this gateway")


def _allowed(allowed: AllowedRoutes, kinds: Sequence[str], protocol: str) -> Iterator[Violation]:
    selector = allowed.namespaces.selector
    if allowed.namespaces.from_ == "Selector":
        if selector is None:
            yield Violation("/namespaces/selector", "required", "must be set when from is Selector")
    elif selector is not None:
        yield Violation("/namespaces/selector", "conflict", "must not be set unless from is Selector")
    for index, requirement in enumerate(selector.match_expressions if selector else ()):
        yield from under(("namespaces", "selector", "matchExpressions", index), _requirement(requirement))
    for index, item in enumerate(allowed.kinds):
        if item.kind not in kinds:
            words = f"must be {' or '.join(kinds)} for protocol {protocol}"
            yield Violation(pointer("kinds", index, "kind"), "conflict", words)


def _requirement(requirement: Requirement) -> Iterator[Violation]:
    if requirement.operator in {"In", "NotIn"} and not requirement.values:
        yield Violation("/values", "required", f"must hold a value for operator {requirement.operator}")
    if requirement.operator in {"Exists", "DoesNotExist"} and requirement.values:
        yield Violation("/values", "conflict", f"must be empty for operator {requirement.operator}")


def _together(listeners: Sequence[Listener]) -> Iterator[Violation]:
    for index, listener in enumerate(listeners):
        for other in listeners[:index]:
            if listener.name == other.name:
                yield Violation(pointer(index, "name"), "duplicate", f"listener {listener.name} is given twice")
        for other in listeners[:index]:
            if listener.port != other.port:
                continue
            if other.protocol not in _BESIDE[listener.protocol]:
                words = f"port {listener.port} serves {other.protocol} already (listener {other.name})"
                yield Violation(pointer(index, "protocol"), "conflict", words)
                break
            if listener.hostname == other.hostname:
                words = f"listener {other.name} has the same port and hostname"
                yield Violation(pointer(index), "duplicate", words)
                break
            if listener.protocol == other.protocol == "HTTPS" and _asks(listener) != _asks(other):
                # A connection that was opened for one host may be used for another (RFC 9113, 9.1.1).
                words = f"must be the same as that of listener {other.name}: connections to port {listener.port} are shared"
                yield Violation(pointer(index, "tls", "frontendValidation"), "conflict", words)
                break


def _asks(listener: Listener) -> object:
    return listener.tls.frontend_validation if listener.tls is not None else None


def _frontend(frontend: FrontendTls, listeners: Sequence[Listener]) -> Iterator[Violation]:
    https = {listener.port for listener in listeners if listener.protocol == "HTTPS"}
    seen: set[int] = set()
    for index, item in enumerate(frontend.per_port):
        at = pointer("tls", "frontend", "perPort", index, "port")
        if item.port in seen:
            yield Violation(at, "duplicate", f"port {item.port} is given twice")
        elif item.port not in https:
            yield Violation(at, "unknown_port", f"no HTTPS listener has port {item.port}: clients would be asked for nothing")
        seen.add(item.port)
    for index, listener in enumerate(listeners):
        if listener.tls is not None and listener.tls.frontend_validation is not None:
            at = pointer("listeners", index, "tls", "frontendValidation")
            yield Violation(at, "conflict", "must not be set beside spec.tls.frontend, which replaces it")

"""Models and words that the documents of `networking.istio.io` share (Istio reference, "Traffic Management")."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence, Set
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from meshweb.core.errors import Violation, pointer, under
from meshweb.kinds.base import DnsLabel, Labels, PortNumber, SpecModel
from meshweb.kinds.common.http import ChangeableHeader, HeaderValue, Regex, is_ip_address

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(\*|(\*\.)?{_LABEL}(\.{_LABEL})*)")
_DURATION = re.compile(r"([0-9]{1,12}(\.[0-9]{1,9})?(h|ms|m|s|us|µs|ns)){1,6}")
_PART = re.compile(r"([0-9.]+)(h|ms|m|s|us|µs|ns)")
_MILLIS = {
    "h": Fraction(3_600_000),
    "m": Fraction(60_000),
    "s": Fraction(1000),
    "ms": Fraction(1),
    "us": Fraction(1, 1000),
    "µs": Fraction(1, 1000),
    "ns": Fraction(1, 1_000_000),
}
MAX_MILLIS = 10 * 365 * 24 * 3_600_000
"""Ten years: far below what a protobuf Duration holds, far above what anybody means."""


def istio_milliseconds(text: str) -> int:
    """Milliseconds of a duration as protobuf's JSON (`0.5s`) or Go (`1h30m`) writes it. Raises ValueError."""
    if _DURATION.fullmatch(text) is None:
        raise ValueError("must be a duration such as 10s, 0.5s, 250ms or 1h30m")
    total = sum((Fraction(number) * _MILLIS[unit] for number, unit in _PART.findall(text)), Fraction(0))
    if total.denominator != 1:
        raise ValueError("must be a whole number of milliseconds")
    if total > MAX_MILLIS:
        raise ValueError("must not be longer than ten years")
    return int(total)


def _duration(text: str) -> str:
    try:
        istio_milliseconds(text)
    except ValueError as error:
        raise PydanticCustomError("duration", "{problem}", {"problem": str(error)}) from error
    return text


def _positive(text: str) -> str:
    if istio_milliseconds(text) == 0:
        raise PydanticCustomError("range", "must be 1ms or longer")
    return text


def is_host(text: str) -> bool:
    """DNS name in lower case; `*` may stand for all first labels, or alone."""
    return _HOST.fullmatch(text) is not None and len(text) <= 253


def _host(text: str) -> str:
    if not is_host(text):
        words = "must be a DNS name in lower case such as reviews or reviews.prod.svc.cluster.local; '*' may stand for all first labels"
        raise PydanticCustomError("host", words)
    return text


def _host_or_address(text: str) -> str:
    return text if is_ip_address(text) else _host(text)


def _some_host(text: str) -> str:
    if text == "*":
        raise PydanticCustomError("host", "must name a host: '*' alone is every one")
    return text


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise PydanticCustomError("ip_address", "must be an IP address or a CIDR block such as 10.0.0.0/8") from None
    if "%" in text:
        raise PydanticCustomError("ip_address", "must not carry a zone")
    return text


def _address(text: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        words = (
            "must be an IP address: the proxies of this mesh listen on TCP alone" if "://" in text else "must be an IP address"
        )
        raise PydanticCustomError("ip_address", words) from None
    if "%" in text:
        raise PydanticCustomError("ip_address", "must not carry a zone")
    return text


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


PortProtocol = Annotated[Literal["HTTP", "HTTPS", "GRPC", "GRPC-WEB", "HTTP2", "MONGO", "TCP", "TLS"], BeforeValidator(_upper)]
"""Read in any case, as Istio does."""
IstioDuration = Annotated[str, Field(max_length=64), AfterValidator(_duration)]
PositiveDuration = Annotated[IstioDuration, AfterValidator(_positive)]
Host = Annotated[str, Field(max_length=255), AfterValidator(_host)]
"""A service as callers name it: short, qualified, or with `*.` in front. `*` alone is every host."""
HostOrAddress = Annotated[str, Field(max_length=255), AfterValidator(_host_or_address)]
SomeHost = Annotated[Host, AfterValidator(_some_host)]
IpAddress = Annotated[str, Field(max_length=45), AfterValidator(_address)]
Network = Annotated[str, Field(max_length=50), AfterValidator(_network)]
NetworkList = Annotated[tuple[Network, ...], Field(max_length=256)]
SafePath = Annotated[str, Field(max_length=1024, pattern=r"^/[\x21-\x7e]+$")]
"""A file on the proxy's own machine."""
GatewayName = Annotated[str, Field(max_length=127, pattern=rf"^({_LABEL}/)?{_LABEL}$")]
"""`mesh` (all sidecars), `name`, or `namespace/name`."""
ExportTo = Annotated[tuple[Annotated[str, Field(max_length=63, pattern=rf"^(\.|\*|~|{_LABEL})$")], ...], Field(max_length=512)]
Locality = Annotated[str, Field(max_length=190, pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}$")]
Unsigned = Annotated[int, Field(ge=0, le=2**32 - 1)]
NonNegative = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Percent(SpecModel):
    value: Annotated[float, Field(ge=0, le=100)] = 0.0


class MaybeStringMatch(SpecModel):
    """As value of a header or query parameter: `{}` matches when the name is there at all. `regex` must match the whole."""

    exact: Annotated[str, Field(max_length=4096)] | None = None
    prefix: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    regex: Regex | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.given()) > 1:
            raise PydanticCustomError("one_of", "set one of exact, prefix and regex")
        return self

    def given(self) -> dict[str, str]:
        values = {"exact": self.exact, "prefix": self.prefix, "regex": self.regex}
        return {name: value for name, value in values.items() if value is not None}


class StringMatch(MaybeStringMatch):
    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.given():
            raise PydanticCustomError("one_of", "set one of exact, prefix and regex")
        return self


class PortSelector(SpecModel):
    number: PortNumber


class Destination(SpecModel):
    """`port` may be left out where the service has one port only."""

    host: SomeHost
    subset: DnsLabel | None = None
    port: PortSelector | None = None


class WorkloadSelector(SpecModel):
    """Of ServiceEntry and Sidecar. No labels: every workload of the namespace."""

    labels: Labels = Field(default_factory=dict)


class HeaderOperations(SpecModel):
    set: Annotated[dict[ChangeableHeader, HeaderValue], Field(max_length=64)] = Field(default_factory=dict)
    add: Annotated[dict[ChangeableHeader, HeaderValue], Field(max_length=64)] = Field(default_factory=dict)
    remove: Annotated[tuple[ChangeableHeader, ...], Field(max_length=64)] = ()


class Headers(SpecModel):
    request: HeaderOperations | None = None
    response: HeaderOperations | None = None


def header_changes(headers: Headers | None) -> Iterator[Violation]:
    """A header that is changed twice: which change wins would depend on the proxy."""
    for side, change in (("request", headers.request), ("response", headers.response)) if headers else ():
        if change is None:
            continue
        seen: set[str] = set()
        named: list[tuple[str, str, str | int]] = [(name, "set", name) for name in change.set]
        named += [(name, "add", name) for name in change.add]
        named += [(name, "remove", index) for index, name in enumerate(change.remove)]
        for name, field, place in named:
            if name.lower() in seen:
                yield Violation(pointer(side, field, place), "duplicate", f"{name} is changed twice")
            seen.add(name.lower())


def export_to(names: Sequence[str]) -> Iterator[Violation]:
    """Pointers begin at the list."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield Violation(pointer(index), "duplicate", f"{name} is given twice")
        elif name in {"*", "~"} and len(names) > 1:
            meaning = "every namespace" if name == "*" else "no namespace"
            yield Violation(pointer(index), "conflict", f"{name!r} means {meaning} and must stand alone")
        seen.add(name)


def unique(field: str, values: Sequence[str | int]) -> Iterator[Violation]:
    """The second and later of equal `values`, which stand in the list `field`."""
    seen: set[str | int] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield from under((field,), [Violation(pointer(index), "duplicate", f"{value} is given twice")])
        seen.add(value)


def is_covered(host: str, patterns: Set[str]) -> bool:
    """Whether each name that `host` stands for is one that a pattern stands for (both may begin with a wildcard)."""
    if host in patterns or "*" in patterns:
        return True
    labels = host.split(".")
    return any("*." + ".".join(labels[start:]) in patterns for start in range(1, len(labels)))

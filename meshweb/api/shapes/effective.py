"""What holds for one proxy, and who said so."""

from __future__ import annotations

from meshweb.api.shapes.base import Shape


class EffectiveOrigin(Shape):
    """`document`: "kind namespace/name"; `field`: JSON pointer inside it."""

    document: str
    field: str


class EffectiveValue(Shape):
    """`origin` null: a default. Durations in milliseconds, 0: no limit."""

    name: str
    value: str | int | float | bool
    origin: EffectiveOrigin | None


class EffectiveShare(Shape):
    """`to` "namespace/service:port", empty: nothing, which is answered with an error. `share` from 0 to 1."""

    to: str
    subset: str
    share: float


class EffectiveRoute(Shape):
    match: str
    action: str
    shares: list[EffectiveShare]
    values: list[EffectiveValue]
    origin: EffectiveOrigin | None


class EffectiveUpstream(Shape):
    """A service port as this proxy's application calls it, with its routes in match order."""

    service: str
    port: int
    host: str
    protocol: str
    routes: list[EffectiveRoute]


class EffectiveDestination(Shape):
    service: str
    port: int
    subset: str
    endpoints: int
    healthy: int
    values: list[EffectiveValue]


class EffectiveInbound(Shape):
    """`policies`: "ALLOW namespace/name" and the like: the documents that decide who may call."""

    port: int
    protocol: str
    values: list[EffectiveValue]
    policies: list[str]


class EffectiveListening(Shape):
    """A host of a server of a Gateway, with its routes."""

    gateway: str
    server: str
    port: int
    protocol: str
    host: str
    routes: list[EffectiveRoute]


class Effective(Shape):
    """`revision`: of the documents that it was worked out from."""

    proxy: str
    revision: int
    upstreams: list[EffectiveUpstream]
    destinations: list[EffectiveDestination]
    inbound: list[EffectiveInbound]
    gateways: list[EffectiveListening]
